package tensorflow

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dunlin-edge/dunlin/inference"
)

// maxTensors bounds the inputs or outputs of a signature.
const maxTensors = 256

// A tensor is one of a signature's.
type tensor struct {
	key     string // the signature's name for it
	op      string // in the graph
	index   int    // among the op's outputs
	dtype   int    // tensorflow.DataType
	shape   []int64
	unknown bool // rank
}

// A signature is an entry of a SavedModel.
type signature struct{ inputs, outputs []tensor }

var errTruncated = errors.New("saved_model.pb: damaged or cut short")

// parseSignature finds a signature in a saved_model.pb, in the graph tagged
// "serve". Nothing else of the file is decoded.
//
// Source: tensorflow/core/protobuf/saved_model.proto and meta_graph.proto.
func parseSignature(pb []byte, name string) (*signature, error) {
	var found *signature
	var names []string
	err := walk(pb, func(num int, _ uint64, graph []byte) error {
		if num != 2 || !serves(graph) { // meta_graphs
			return nil
		}
		return walk(graph, func(num int, _ uint64, entry []byte) error {
			if num != 5 { // signature_def
				return nil
			}
			key, value, err := mapEntry(entry)
			if err != nil {
				return err
			}
			names = append(names, key)
			if key == name {
				found, err = decodeSignature(value)
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, fmt.Errorf("no signature %q: the file has %q", name, strings.Join(names, ", "))
	}
	return found, nil
}

// serves tells whether a graph has the tag "serve".
func serves(graph []byte) bool {
	tagged := false
	walk(graph, func(num int, _ uint64, info []byte) error {
		if num != 1 { // meta_info_def
			return nil
		}
		return walk(info, func(num int, _ uint64, tag []byte) error {
			tagged = tagged || num == 4 && string(tag) == "serve"
			return nil
		})
	})
	return tagged
}

func decodeSignature(b []byte) (*signature, error) {
	s := &signature{}
	err := walk(b, func(num int, _ uint64, entry []byte) error {
		list := map[int]*[]tensor{1: &s.inputs, 2: &s.outputs}[num]
		if list == nil {
			return nil
		}
		key, value, err := mapEntry(entry)
		if err != nil {
			return err
		}
		if len(*list) == maxTensors {
			return fmt.Errorf("more than %d tensors in a signature", maxTensors)
		}
		t, err := decodeTensor(key, value)
		*list = append(*list, t)
		return err
	})
	for _, list := range [][]tensor{s.inputs, s.outputs} {
		slices.SortFunc(list, func(a, b tensor) int { return cmp.Compare(a.key, b.key) })
	}
	return s, err
}

// decodeTensor reads a TensorInfo.
func decodeTensor(key string, b []byte) (tensor, error) {
	t := tensor{key: key}
	err := walk(b, func(num int, n uint64, sub []byte) error {
		switch num {
		case 1:
			op, index, found := strings.Cut(string(sub), ":")
			if _, err := fmt.Sscanf(index, "%d", &t.index); !found || err != nil || t.index < 0 {
				return fmt.Errorf("tensor %q: %.64q is no output of an operator", key, sub)
			}
			t.op = op
		case 2:
			t.dtype = int(min(n, 1<<16))
		case 3:
			return t.decodeShape(sub)
		}
		return nil
	})
	if err == nil && t.op == "" {
		err = fmt.Errorf("tensor %q: no operator gives it", key)
	}
	return t, err
}

func (t *tensor) decodeShape(b []byte) error {
	return walk(b, func(num int, n uint64, dim []byte) error {
		switch num {
		case 2:
			size := int64(0)
			err := walk(dim, func(num int, n uint64, _ []byte) error {
				if num == 1 {
					size = int64(n)
				}
				return nil
			})
			t.shape = append(t.shape, size)
			return err
		case 3:
			t.unknown = n != 0
		}
		return nil
	})
}

// info describes a tensor to those who run the model.
func (t *tensor) info() (inference.TensorInfo, error) {
	x := inference.TensorInfo{Name: t.key}
	d, ok := map[int]inference.DType{
		1: inference.Float32, 3: inference.Int32, 4: inference.Uint8, 5: inference.Int16, 6: inference.Int8, 9: inference.Int64, 10: inference.Bool, 19: inference.Float16,
	}[t.dtype]
	switch {
	case t.dtype == 7:
		return x, fmt.Errorf("tensor %q: strings are not taken: export a signature whose inputs and outputs are numbers", t.key)
	case !ok:
		return x, fmt.Errorf("tensor %q: TensorFlow's type %d is none of float32, float16, int8, uint8, int16, int32, int64, bool", t.key, t.dtype)
	case t.unknown:
		return x, fmt.Errorf("tensor %q: unknown rank: export the model with shapes", t.key)
	}
	x.DType = d
	for i, n := range t.shape {
		if n == -1 && i == 0 {
			n = 1
		}
		if n < 0 || n > 1<<31-1 {
			return x, fmt.Errorf("tensor %q: shape %v: only the first dimension may be open", t.key, t.shape)
		}
		x.Shape = append(x.Shape, int(n))
	}
	return x, nil
}

func infos(list []tensor) ([]inference.TensorInfo, error) {
	all := make([]inference.TensorInfo, len(list))
	var errs []error
	for i := range list {
		var err error
		all[i], err = list[i].info()
		errs = append(errs, err)
	}
	return all, errors.Join(errs...)
}

// mapEntry reads an entry of a map with texts for keys.
func mapEntry(b []byte) (key string, value []byte, err error) {
	err = walk(b, func(num int, _ uint64, sub []byte) error {
		switch num {
		case 1:
			key = string(sub)
		case 2:
			value = sub
		}
		return nil
	})
	return key, value, err
}

// walk gives each field of a protocol buffer to use: n is the value of a number,
// sub the bytes of a message or text.
func walk(b []byte, use func(num int, n uint64, sub []byte) error) error {
	for len(b) > 0 {
		tag, k := binary.Uvarint(b)
		if k <= 0 || tag>>3 == 0 || tag>>3 > 1<<29-1 {
			return errTruncated
		}
		b = b[k:]
		var n uint64
		var sub []byte
		switch tag & 7 {
		case 0:
			if n, k = binary.Uvarint(b); k <= 0 {
				return errTruncated
			}
		case 1, 5:
			if k = 8 >> (tag & 4 >> 2); len(b) < k {
				return errTruncated
			}
		case 2:
			size, m := binary.Uvarint(b)
			if m <= 0 || size > uint64(len(b)-m) {
				return errTruncated
			}
			k = m + int(size)
			sub = b[m:k:k]
		default:
			return errTruncated
		}
		b = b[k:]
		if err := use(int(tag>>3), n, sub); err != nil {
			return err
		}
	}
	return nil
}
