// Package oip speaks the Open Inference Protocol, version 2, with the binary
// tensors that Triton adds to it: a JSON header and, behind it, raw tensors.
//
// Start with [NewBackend] for a model that lives on a local server, with this CPU
// behind it; with [DecodeRequest] and [Response.Append] on the side of a server,
// and [Client] on the other. [ParseArray] and [AppendArray] are for tensors written
// as JSON alone.
//
// Tensors are row-major and little-endian; strings (BYTES) are refused, since no
// model here takes them. What a peer sends is never trusted: ranks, shapes and
// sizes are checked before anything is allocated for them.
//
// Sources: kserve/open-inference-protocol, specification/protocol/inference_rest.md;
// triton-inference-server/server, docs/protocol/extension_binary_data.md.
package oip

// HeaderLength names the length in bytes of the JSON before binary tensors, in
// requests and answers.
const HeaderLength = "Inference-Header-Content-Length"

// Limits of a message.
const (
	MaxTensors = 64       // inputs or outputs
	MaxRank    = 8        // dimensions of a tensor
	MaxBytes   = 64 << 20 // of one tensor
	maxName    = 512      // bytes of a name
	maxNesting = 16       // brackets of an array
)

// A Tensor is one input or output.
type Tensor struct {
	Name     string
	Datatype Datatype
	Shape    []int
	Data     []byte // little-endian, row-major
}

// An Error is a message that is not one; Text says where.
type Error struct{ Text string }

func (e *Error) Error() string { return e.Text }
