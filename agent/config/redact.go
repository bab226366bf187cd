package config

import (
	"bytes"
	"errors"
	"net/url"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// redacted stands for what is not to be shown.
const redacted = "[redacted]"

var (
	secretKey = regexp.MustCompile(`(?i)token|passw|secret|credential|authorization|^key$`)
	urlKey    = regexp.MustCompile(`(?i)url|webhook|server|broker`)
)

// Redact returns a configuration text without secrets, for reports: values of
// keys that name one, user, password and query of addresses, the arguments of
// programs, and comments. A text that is not YAML is not shown at all.
func Redact(raw []byte) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return nil, errors.New("not YAML, so that nothing of it is shown")
	}
	redactNode(&doc, "")
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(&doc), enc.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func redactNode(n *yaml.Node, key string) {
	n.HeadComment, n.LineComment, n.FootComment = "", "", ""
	switch {
	case n.Kind == yaml.ScalarNode:
		redactScalar(n, key)
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			redactNode(n.Content[i], "")
			redactNode(n.Content[i+1], n.Content[i].Value)
		}
	case n.Kind == yaml.SequenceNode && key == "exec":
		for i, c := range n.Content {
			if i > 0 {
				*c = yaml.Node{Kind: yaml.ScalarNode, Value: redacted}
			}
		}
	default:
		for _, c := range n.Content {
			redactNode(c, key)
		}
	}
}

func redactScalar(n *yaml.Node, key string) {
	switch {
	case key != "" && secretKey.MatchString(key):
		n.SetString(redacted)
	case strings.Contains(n.Value, "://") || urlKey.MatchString(key) && strings.Contains(n.Value, "@"):
		u, err := url.Parse(n.Value)
		if err != nil {
			n.SetString(redacted)
			return
		}
		if u.User != nil {
			u.User = url.User("redacted")
		}
		if u.RawQuery != "" {
			u.RawQuery = "redacted"
		}
		u.Fragment = ""
		n.SetString(u.String())
	}
}
