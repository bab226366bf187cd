package inference

import (
	"fmt"
	"slices"

	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// cells reads one operator of a model.
type cells struct {
	f *tflite.Model
	g *tflite.Subgraph
	o *tflite.Operator
}

func (c *cells) in(i int) *tflite.Tensor {
	if i >= len(c.o.Inputs) || c.o.Inputs[i] < 0 {
		return nil
	}
	return &c.g.Tensors[c.o.Inputs[i]]
}

func (c *cells) out() *tflite.Tensor { return &c.g.Tensors[c.o.Outputs[0]] }

// list names what is special about the operator's parameters.
func (c *cells) list(name string) []string {
	if len(c.o.Outputs) == 0 {
		return nil
	}
	o := c.o.Options
	list := c.quantization()
	switch name {
	case "CONV_2D":
		list = append(list, c.window(0, 1, o.Byte(0, 0), o.Int32(2, 0), o.Int32(1, 0), o.Int32(5, 1), o.Int32(4, 1))...)
		list = append(list, activationCell(o.Byte(3, 0)))
		list = append(list, c.filter(1)...)
		if c.in(0).Shape[3] != c.in(1).Shape[3] {
			list = append(list, "groups")
		}
	case "DEPTHWISE_CONV_2D":
		list = append(list, c.window(0, 1, o.Byte(0, 0), o.Int32(2, 0), o.Int32(1, 0), o.Int32(6, 1), o.Int32(5, 1))...)
		list = append(list, activationCell(o.Byte(4, 0)))
		list = append(list, c.filter(1)...)
		list = append(list, map[bool]string{true: "multiplier above 1", false: "multiplier 1"}[c.in(1).Shape[3] > c.in(0).Shape[3]])
	case "TRANSPOSE_CONV":
		list = append(list, c.window(2, 1, o.Byte(0, 0), o.Int32(2, 0), o.Int32(1, 0), 1, 1)...)
		list = append(list, activationCell(o.Byte(3, 0)))
		list = append(list, c.filter(1)...)
	case "FULLY_CONNECTED":
		list = append(list, activationCell(o.Byte(0, 0)))
		list = append(list, c.filter(1)...)
		list = append(list, map[bool]string{true: "bias", false: "no bias"}[c.in(2) != nil])
	case "AVERAGE_POOL_2D", "MAX_POOL_2D":
		list = append(list, c.pool(o.Byte(0, 0), o.Int32(2, 0), o.Int32(1, 0), o.Int32(4, 0), o.Int32(3, 0))...)
		list = append(list, activationCell(o.Byte(5, 0)))
	case "ADD", "SUB", "MUL", "DIV":
		list = append(append(list, c.broadcast()...), activationCell(o.Byte(0, 0)))
	case "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "EQUAL", "LESS", "GREATER", "POW", "FLOOR_DIV", "FLOOR_MOD", "LOGICAL_AND", "LOGICAL_OR":
		list = append(list, c.broadcast()...)
	case "MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD":
		list = append(list, map[bool]string{true: "keeps dimensions", false: "drops dimensions"}[o.Bool(0, false)])
	case "RESIZE_BILINEAR":
		list = append(list, c.resize(o.Bool(2, false), o.Bool(3, false))...)
	case "RESIZE_NEAREST_NEIGHBOR":
		list = append(list, c.resize(o.Bool(0, false), o.Bool(1, false))...)
	case "SOFTMAX":
		list = append(list, map[bool]string{true: "beta 1", false: "another beta"}[o.Float32(0, 0) == 1])
	}
	return append(list, c.sizes()...)
}

func activationCell(a byte) string {
	return "act " + [...]string{"none", "relu", "-1 to 1", "relu6", "other"}[min(a, 4)]
}

// quantization tells of zero points and scales of 8-bit operands.
func (c *cells) quantization() (list []string) {
	for _, side := range []struct {
		name string
		t    *tflite.Tensor
	}{{"in", c.first()}, {"out", c.out()}} {
		t := side.t
		if t == nil || len(t.Quant.ZeroPoint) != 1 || len(t.Quant.Scale) != 1 || t.Type != tflite.TypeInt8 && t.Type != tflite.TypeUint8 {
			continue
		}
		zero := t.Quant.ZeroPoint[0]
		if t.Type == tflite.TypeUint8 {
			zero -= 128
		}
		switch zero {
		case -128:
			list = append(list, side.name+" zero least")
		case 127:
			list = append(list, side.name+" zero most")
		default:
			list = append(list, side.name+" zero inside")
		}
		if s := t.Quant.Scale[0]; s < 0.01 {
			list = append(list, side.name+" scale below 0.01")
		} else if s > 0.1 {
			list = append(list, side.name+" scale above 0.1")
		}
	}
	return list
}

// first is the first operand that is not a constant.
func (c *cells) first() *tflite.Tensor {
	for i := range c.o.Inputs {
		if t := c.in(i); t != nil && t.Data == nil {
			return t
		}
	}
	return nil
}

// filter tells how weights are quantized.
func (c *cells) filter(i int) []string {
	f := c.in(i)
	list := []string{"weights " + f.Type.String()}
	switch n := len(f.Quant.Scale); {
	case n > 1:
		list = append(list, "per channel")
	case n == 1:
		list = append(list, "per tensor")
	}
	return list
}

// window tells of a sliding window between input in and filter.
func (c *cells) window(in, filter int, padding byte, sh, sw, dh, dw int32) []string {
	f := c.in(filter).Shape
	list := []string{[]string{"same", "valid"}[min(padding, 1)], "stride " + fmt.Sprint(sh), "filter " + oddOrEven(f[1], f[2])}
	if sh != sw {
		list = append(list, "strides differ")
	}
	if dh > 1 || dw > 1 {
		list = append(list, "dilated")
	}
	return append(list, imageCells(c.in(in).Shape)...)
}

func (c *cells) pool(padding byte, sh, sw, kh, kw int32) []string {
	list := []string{[]string{"same", "valid"}[min(padding, 1)], "stride " + fmt.Sprint(sh), "filter " + oddOrEven(kh, kw)}
	if sh != sw {
		list = append(list, "strides differ")
	}
	return append(list, imageCells(c.in(0).Shape)...)
}

func oddOrEven(h, w int32) string {
	switch {
	case h == 1 && w == 1:
		return "1x1"
	case h != w:
		return "not square"
	case h%2 == 1:
		return "odd"
	}
	return "even"
}

// imageCells tells of the size of an NHWC input.
func imageCells(s []int32) (list []string) {
	if len(s) != 4 {
		return nil
	}
	if s[0] > 1 {
		list = append(list, "several images")
	}
	if s[1] == 1 || s[2] == 1 {
		list = append(list, "1xN")
	}
	if s[1]%2 == 1 && s[2]%2 == 1 {
		list = append(list, "odd image")
	}
	return list
}

// broadcast tells how two operands meet.
func (c *cells) broadcast() (list []string) {
	a, b := c.in(0), c.in(1)
	switch ea, eb := count32(a.Shape), count32(b.Shape); {
	case slices.Equal(a.Shape, b.Shape):
		list = append(list, "alike")
	case ea == 1:
		list = append(list, "one element left")
	case eb == 1:
		list = append(list, "one element right")
	case len(a.Shape) < len(b.Shape):
		list = append(list, "lower rank left")
	case len(b.Shape) < len(a.Shape):
		list = append(list, "lower rank right")
	default:
		list = append(list, sides(a.Shape, b.Shape))
	}
	if a.Data != nil {
		list = append(list, "constant left")
	}
	if b.Data != nil {
		list = append(list, "constant right")
	}
	return list
}

func sides(a, b []int32) string {
	left, right := false, false
	for i := range a {
		left = left || a[i] == 1 && b[i] > 1
		right = right || b[i] == 1 && a[i] > 1
	}
	switch {
	case left && right:
		return "repeats both"
	case left:
		return "repeats left"
	}
	return "repeats right"
}

func count32(s []int32) int {
	n := 1
	for _, d := range s {
		n *= int(d)
	}
	return n
}

func (c *cells) resize(align, half bool) []string {
	in, out := c.in(0).Shape, c.out().Shape
	list := []string{map[[2]bool]string{{false, false}: "plain", {true, false}: "aligned corners", {false, true}: "half pixels"}[[2]bool{align, half}]}
	if out[1] > in[1] || out[2] > in[2] {
		list = append(list, "grows")
	}
	if out[1] < in[1] || out[2] < in[2] {
		list = append(list, "shrinks")
	}
	return list
}

// sizes tells whether elements fill whole vectors.
func (c *cells) sizes() []string {
	n := count32(c.out().Shape)
	switch {
	case n < 16:
		return []string{"below 16 elements"}
	case n%16 == 0:
		return []string{"whole vectors"}
	}
	return []string{"a tail"}
}
