#!/bin/sh
# Installs the dunlin agent from a folder or a web address of packages: says what
# it will do, checks the signature and the checksums, then does it.
#
#   sh install.sh --from DIR|URL [--signer FILE] [--dry-run] [--yes]
#   sh install.sh --uninstall [--purge]
#
#   --from DIR|URL   where the packages and SHA256SUMS stand (default: this folder)
#   --signer FILE    who may sign: an allowed-signers file of ssh-keygen(1), with
#                    the identity "dunlin". Get it on another way than the packages.
#   --unsigned       install without a signature: checksums alone prove only that
#                    nothing broke on the way
#   --fleet          the controller too
#   --dry-run        only say what would be done
#   --yes            do not ask
#   --uninstall      remove; configuration, models and telemetry stay, except
#                    with --purge
set -eu

from=$(dirname "$0") signer='' unsigned='' fleet='' dry='' yes='' uninstall='' purge=''
while [ $# -gt 0 ]; do
	case $1 in
	--from) from=${2:?--from needs a folder or a URL} && shift ;;
	--signer) signer=${2:?--signer needs a file} && shift ;;
	--unsigned) unsigned=1 ;;
	--fleet) fleet=1 ;;
	--dry-run) dry=1 ;;
	--yes) yes=1 ;;
	--uninstall) uninstall=1 ;;
	--purge) purge=1 ;;
	-h | --help) sed -n '2,/^set -eu/{/^set -eu/d;s/^# \{0,1\}//;p;}' "$0" && exit 0 ;;
	*) echo "install.sh: $1 is not known; --help says what is" >&2 && exit 2 ;;
	esac
	shift
done

die() { echo "install.sh: $1" >&2 && exit 1; }

# confirm asks whether to do what was said; a dry run ends here.
confirm() {
	if [ -n "$dry" ]; then
		echo "(a dry run: nothing was done)"
		exit 0
	fi
	if [ -z "$yes" ]; then
		[ -t 0 ] || die "nobody to ask: give --yes"
		printf 'Go on? [y/N] '
		read -r answer
		case $answer in y | Y | yes) ;; *) exit 1 ;; esac
	fi
	[ "$(id -u)" = 0 ] || die "not root: run it with sudo"
}

if command -v dpkg >/dev/null; then
	kind=deb
elif command -v rpm >/dev/null; then
	kind=rpm
else
	die "neither dpkg nor rpm here: unpack the .tar.gz, its units say where files go"
fi

if [ -n "$uninstall" ]; then
	echo "This will:"
	echo "  - stop and remove dunlin and dunlin-fleet, as far as they are installed"
	if [ -n "$purge" ]; then echo "  - erase /etc/dunlin, /var/lib/dunlin and /var/lib/dunlin-fleet: identity, models, telemetry"; fi
	confirm
	if [ $kind = deb ]; then
		for p in dunlin dunlin-fleet; do
			if dpkg -s $p >/dev/null 2>&1; then dpkg ${purge:+--purge} ${purge:---remove} $p; fi
		done
	else
		for p in dunlin dunlin-fleet; do
			if rpm -q $p >/dev/null 2>&1; then rpm -e $p; fi
		done
		if [ -n "$purge" ]; then rm -rf /etc/dunlin /var/lib/dunlin /var/lib/dunlin-fleet; fi
	fi
	exit 0
fi

# The userland's architecture, not the kernel's: a 64-bit kernel may run below 32-bit Raspberry Pi OS.
if [ $kind = deb ]; then
	arch=$(dpkg --print-architecture)
else
	arch=$(rpm --eval '%{_arch}')
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case $from in
http://* | https://*)
	get() { curl -fsSL --proto '=https,http' --max-filesize 200000000 -o "$work/$1" "$from/$1"; }
	;;
*)
	get() { cp -- "$from/$1" "$work/$1"; }
	;;
esac

get SHA256SUMS || die "no SHA256SUMS in $from"
if [ -n "$signer" ]; then
	get SHA256SUMS.sig || die "SHA256SUMS is not signed: ask its publisher, or give --unsigned"
	ssh-keygen -q -Y verify -f "$signer" -I dunlin -n dunlin -s "$work/SHA256SUMS.sig" <"$work/SHA256SUMS" >/dev/null ||
		die "the signature of SHA256SUMS is not by a signer of $signer: do not install these packages"
	signed="signed by one of $signer"
elif [ -n "$unsigned" ]; then
	signed="NOT CHECKED: whoever controls $from controls this machine"
else
	die "whose signature counts? give --signer FILE, or --unsigned"
fi

packages=dunlin
if [ -n "$fleet" ]; then packages="dunlin dunlin-fleet"; fi
files=''
for p in $packages; do
	# The name ends in the architecture; the first field is the checksum.
	file=$(awk -v p="$p" -v a="$arch" -v k="$kind" '$2 ~ "^" p "[_-][0-9][^/]*[_.]" a "\\." k "$" {print $2}' "$work/SHA256SUMS" | tail -1)
	[ -n "$file" ] || die "no $p for $arch ($kind) in $from"
	get "$file" || die "cannot get $file"
	(cd "$work" && grep -- "  $file\$" SHA256SUMS | sha256sum -c --quiet -) || die "$file is not what SHA256SUMS says: get it again"
	files="$files $file"
done

echo "This will install:"
for f in $files; do echo "  $f  ($(wc -c <"$work/$f") bytes)"; done
echo "Checksums: right.  Signature: $signed."
echo "It makes the system users of these packages, and starts nothing that was not running."
confirm
if [ $kind = deb ]; then
	(cd "$work" && dpkg -i $files)
else
	(cd "$work" && rpm -U $files)
fi
