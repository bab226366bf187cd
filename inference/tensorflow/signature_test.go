package tensorflow

import (
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/inference"
)

// msg joins fields into a message.
func msg(fields ...[]byte) []byte {
	var b []byte
	for _, f := range fields {
		b = append(b, f...)
	}
	return b
}

func sub(num int, b []byte) []byte {
	out := binary.AppendUvarint(nil, uint64(num)<<3|2)
	return append(binary.AppendUvarint(out, uint64(len(b))), b...)
}

func number(num int, n int64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, uint64(num)<<3), uint64(n))
}

// tensorInfo is a TensorInfo.
func tensorInfo(op string, dtype int64, dims ...int64) []byte {
	var shape []byte
	for _, d := range dims {
		shape = append(shape, sub(2, number(1, d))...)
	}
	return msg(sub(1, []byte(op)), number(2, dtype), sub(3, shape))
}

func entry(key string, value []byte) []byte { return msg(sub(1, []byte(key)), sub(2, value)) }

// saved is a saved_model.pb with one signature.
func saved(tag, name string, def []byte) []byte {
	return msg(number(1, 1), sub(2, msg(sub(1, sub(4, []byte(tag))), sub(5, entry(name, def)))))
}

func TestParseSignature(t *testing.T) {
	def := msg(sub(1, entry("x", tensorInfo("serving_x:0", 1, -1, 3))), sub(1, entry("a", tensorInfo("serving_a:0", 6, 2))), sub(2, entry("y", tensorInfo("StatefulPartitionedCall:1", 9))))
	s, err := parseSignature(saved("serve", ServingDefault, def), ServingDefault)
	if err != nil {
		t.Fatal(err)
	}
	want := &signature{inputs: []tensor{{key: "a", op: "serving_a", dtype: 6, shape: []int64{2}}, {key: "x", op: "serving_x", dtype: 1, shape: []int64{-1, 3}}}, outputs: []tensor{{key: "y", op: "StatefulPartitionedCall", index: 1, dtype: 9}}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("%+v", s)
	}
	in, err := infos(s.inputs)
	if err != nil || !reflect.DeepEqual(in, []inference.TensorInfo{{Name: "a", DType: inference.Int8, Shape: []int{2}}, {Name: "x", DType: inference.Float32, Shape: []int{1, 3}}}) {
		t.Errorf("%+v %v", in, err)
	}
	for _, name := range []string{"other", ""} {
		if _, err := parseSignature(saved("serve", ServingDefault, def), name); err == nil || !strings.Contains(err.Error(), `the file has "serving_default"`) {
			t.Errorf("%v", err)
		}
	}
	if _, err := parseSignature(saved("train", ServingDefault, def), ServingDefault); err == nil {
		t.Error("took a graph that is not for serving")
	}
	whole := saved("serve", ServingDefault, def)
	if _, err := parseSignature(whole[:len(whole)-3], ServingDefault); !errors.Is(err, errTruncated) {
		t.Errorf("cut short: %v", err)
	}
}

func TestInfoRefuses(t *testing.T) {
	for want, x := range map[string]tensor{
		"strings are not taken": {dtype: 7}, "type 14 is none": {dtype: 14}, "unknown rank": {dtype: 1, unknown: true}, "only the first": {dtype: 1, shape: []int64{1, -1}}, "shape [-2]": {dtype: 1, shape: []int64{-2}},
	} {
		if _, err := x.info(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestOtherBuilds(t *testing.T) {
	if _, err := Open(t.TempDir(), ""); err == nil || !strings.Contains(err.Error(), "SavedModel") {
		t.Errorf("%v", err)
	}
}

func FuzzParseSignature(f *testing.F) {
	f.Add(saved("serve", ServingDefault, msg(sub(1, entry("x", tensorInfo("serving_x:0", 1, -1, 3))), sub(2, entry("y", tensorInfo("y:1", 9))))))
	f.Fuzz(func(t *testing.T, pb []byte) {
		s, err := parseSignature(pb, ServingDefault)
		if err == nil {
			infos(s.inputs)
			infos(s.outputs)
		}
	})
}
