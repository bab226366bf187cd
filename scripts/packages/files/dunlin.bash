# bash completion of dunlin: commands, their subcommands, then flags and files.
_dunlin() {
	local cur=${COMP_WORDS[COMP_CWORD]} words
	local commands="run watch enroll update status telemetry capture replay record serve classify config sensors doctor bugreport bundle model version help"
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
		return
	fi
	case "$COMP_CWORD ${COMP_WORDS[1]}" in
	"2 help") words=$commands ;;
	"2 telemetry") words="ls export erase check" ;;
	"2 config") words="check reload" ;;
	"2 sensors") words="scan list read" ;;
	"2 bundle") words="init pack inspect verify" ;;
	"2 model") words="inspect run bench profile" ;;
	esac
	if [ -n "$words" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	elif [ "${cur#-}" != "$cur" ]; then
		# What the command itself says of its flags.
		words=$("$1" help "${COMP_WORDS[1]}" "${COMP_WORDS[2]}" 2>/dev/null | grep -oE '^ +--?[a-z][a-z-]*' | tr -d ' ')
		[ -n "$words" ] || words=$("$1" help "${COMP_WORDS[1]}" 2>/dev/null | grep -oE '^ +--?[a-z][a-z-]*' | tr -d ' ')
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	else
		compopt -o default
		COMPREPLY=()
	fi
}
complete -F _dunlin dunlin
