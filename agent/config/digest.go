package config

import (
	"crypto/sha256"
	"encoding/binary"
	"io"

	"go.yaml.in/yaml/v3"
)

// digest hashes what a node says, without its place, style and comments.
// Aliases are hashed by name: nothing that reads values takes them.
func digest(n *yaml.Node) Digest {
	h := sha256.New()
	hashNode(h, n)
	return Digest(h.Sum(nil))
}

func hashNode(w io.Writer, n *yaml.Node) {
	for _, text := range []string{n.ShortTag(), n.Value} {
		w.Write(binary.AppendUvarint(nil, uint64(len(text)))) // a hash does not fail
		io.WriteString(w, text)
	}
	w.Write(binary.AppendUvarint(nil, uint64(len(n.Content))))
	for _, c := range n.Content {
		hashNode(w, c)
	}
}
