package graph

import (
	"encoding/binary"
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// foldDequantize widens a float16 constant while the model is planned, so that
// what reads it finds float32 weights. Models of float16 weights hold each
// behind a DEQUANTIZE.
func (n *node) foldDequantize() error {
	in, out := n.in(0), n.out()
	if err := n.b.mem.Take("widened constant", int64(out.Size())); err != nil {
		return err
	}
	data := make([]byte, 0, out.Size())
	for i := range out.Elements() {
		f := kernel.HalfToFloat(binary.LittleEndian.Uint16(in.Data[2*i:]))
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(f))
	}
	out.Data = data
	return nil
}
