package graph

import (
	"errors"
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// resize checks a resize of NHWC data and returns its flags.
func (n *node) resize(alignField int) (alignCorners, halfPixel bool, err error) {
	in, out := n.in(0), n.out()
	if err := n.moves(out, in); err != nil {
		return false, false, err
	}
	size, err := n.staticInts(1, "size")
	if err != nil {
		return false, false, err
	}
	if len(in.Shape) != 4 || len(size) != 2 || !equal(out.Shape, []int{in.Shape[0], size[0], size[1], in.Shape[3]}) {
		return false, false, fmt.Errorf("size %v takes %v to %v", size, in.Shape, out.Shape)
	}
	if max(in.Shape[1], in.Shape[2], out.Shape[1], out.Shape[2]) >= 1<<24 {
		return false, false, errors.New("positions do not fit a float32")
	}
	alignCorners, halfPixel = n.n.Opt.Bool(alignField, false), n.n.Opt.Bool(alignField+1, false)
	if alignCorners && halfPixel {
		return false, false, errors.New("aligned corners and half-pixel centres at once")
	}
	return alignCorners, halfPixel, n.b.hold("resize table", 32*(out.Shape[1]+out.Shape[2]))
}

func lowerResizeBilinear(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	if in.DType == Float32 {
		return resizeBilinearF32(n)
	}
	if in.DType == Int16 {
		return resizeBilinear16(n)
	}
	if in.DType != Int8 && in.DType != Uint8 {
		return Step{}, unsupported("types %s", n.types())
	}
	align, half, err := n.resize(2)
	if err != nil {
		return Step{}, err
	}
	r := &kernel.Bilinear{
		Y:     kernel.Q11(kernel.BilinearTaps(in.Shape[1], out.Shape[1], align, half)),
		X:     kernel.Q11(kernel.BilinearTaps(in.Shape[2], out.Shape[2], align, half)),
		Batch: in.Shape[0], H: in.Shape[1], W: in.Shape[2], C: in.Shape[3],
	}
	src, dst := n.inRef(0), n.outRef()
	s := Step{Kernel: "resize_bilinear_qs8", Tier: r.Choose(), Rule: ruleXNNPACK}
	s.Run = func(mem []byte) { kernel.RunBilinear(r, i8(dst.Bytes(mem)), i8(src.Bytes(mem))) }
	if in.DType == Uint8 {
		s.Kernel = "resize_bilinear_qu8"
		s.Run = func(mem []byte) { kernel.RunBilinear(r, dst.Bytes(mem), src.Bytes(mem)) }
	}
	return s, nil
}

func lowerResizeNearest(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	align, half, err := n.resize(0)
	if err != nil {
		return Step{}, err
	}
	elem := in.DType.Size()
	r := &kernel.Nearest{
		Y:     kernel.NearestIndex(in.Shape[1], out.Shape[1], elem, align, half),
		X:     kernel.NearestIndex(in.Shape[2], out.Shape[2], elem, align, half),
		Batch: in.Shape[0], H: in.Shape[1], W: in.Shape[2], Pixel: in.Shape[3] * elem,
	}
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: "resize_nearest", Tier: kernel.TierGeneric, Rule: ruleTFLite,
		Run: func(mem []byte) { r.Run(dst.Bytes(mem), src.Bytes(mem)) },
	}, nil
}

func lowerArgMax(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	axis, err := n.staticAxis(1, len(in.Shape))
	if err != nil {
		return Step{}, err
	}
	outer, count, inner := product(in.Shape[:axis]), in.Shape[axis], product(in.Shape[axis+1:])
	if out.Elements() != outer*inner || out.DType != Int32 && out.DType != Int64 {
		return Step{}, fmt.Errorf("%s%v along dimension %d to %s%v", in.DType, in.Shape, axis, out.DType, out.Shape)
	}
	if err := n.b.mem.Work(n.n.Name, int64(in.Elements())); err != nil {
		return Step{}, err
	}
	switch in.DType {
	case Int8:
		return argMaxStep8[int8](n, outer, count, inner), nil
	case Uint8:
		return argMaxStep8[uint8](n, outer, count, inner), nil
	case Int32:
		return argMaxStep[int32](n, outer, count, inner), nil
	case Float32:
		return argMaxStep[float32](n, outer, count, inner), nil
	}
	return Step{}, unsupported("types %s", n.types())
}

func argMaxStep[T kernel.Number](n *node, outer, count, inner int) Step {
	least := n.n.Op == tflite.ARG_MIN
	return n.placeStep(least, func(src []byte, narrow []int32, wide []int64) {
		put := func(at, i int) {
			if wide != nil {
				wide[at] = int64(i)
			} else {
				narrow[at] = int32(i)
			}
		}
		if least {
			kernel.ArgMin(viewOf[T](src), outer, count, inner, put)
		} else {
			kernel.ArgMax(viewOf[T](src), outer, count, inner, put)
		}
	})
}

// placeStep writes the places that find puts as int32 or int64.
func (n *node) placeStep(least bool, find func(src []byte, narrow []int32, wide []int64)) Step {
	s := Step{Kernel: "arg_max", Tier: kernel.TierGeneric, Rule: ruleExact}
	if least {
		s.Kernel = "arg_min"
	}
	src, dst, wide := n.inRef(0), n.outRef(), n.out().DType == Int64
	s.Run = func(mem []byte) {
		if wide {
			find(src.Bytes(mem), nil, viewOf[int64](dst.Bytes(mem)))
		} else {
			find(src.Bytes(mem), i32(dst.Bytes(mem)), nil)
		}
	}
	return s
}

// argMaxStep8 is argMaxStep with a kernel for rows where there is one.
func argMaxStep8[T kernel.Byte](n *node, outer, count, inner int) Step {
	run, tier := kernel.ArgMaxRows8[T](count, inner)
	if n.n.Op == tflite.ARG_MIN {
		run = nil
	}
	var s Step
	if n.in(0).DType == Int8 {
		s = argMaxStep[int8](n, outer, count, inner)
	} else {
		s = argMaxStep[uint8](n, outer, count, inner)
	}
	if run == nil {
		return s
	}
	src, dst := n.inRef(0), n.outRef()
	s.Tier = tier
	if n.out().DType == Int32 {
		s.Run = func(mem []byte) { run(i32(dst.Bytes(mem)), viewOf[T](src.Bytes(mem))) }
		return s
	}
	narrow := n.scratch(256, 4)
	s.Run = func(mem []byte) {
		in, some := viewOf[T](src.Bytes(mem)), i32(narrow.Bytes(mem))
		out := viewOf[int64](dst.Bytes(mem))
		for len(out) > 0 {
			rows := min(len(some)/inner*inner, len(out))
			run(some[:rows], in[:rows*count])
			for i, at := range some[:rows] {
				out[i] = int64(at)
			}
			in, out = in[rows*count:], out[rows:]
		}
	}
	return s
}
