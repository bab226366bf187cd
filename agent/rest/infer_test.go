package rest

import (
	"context"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/oip"
)

// mirror is a backend that gives back what it gets.
type mirror struct{}

func (mirror) NewRunner() (inference.Runner, error) { return mirror{}, nil }
func (mirror) Reset() error                         { return nil }
func (mirror) Run(_ context.Context, in, out []*inference.Tensor) error {
	for i := range in {
		copy(out[i].Bytes(), in[i].Bytes())
	}
	return nil
}

func mirrorSession(t *testing.T) *inference.Session {
	t.Helper()
	list := []inference.TensorInfo{{Name: "f", DType: inference.Float32, Shape: []int{1, 2}}, {Name: "b", DType: inference.Bool, Shape: []int{2}}}
	m, err := inference.OpenBackend(mirror{}, list, list, [32]byte{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func floats(list ...float32) (b []byte) {
	for _, v := range list {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// TestFeedRefuses: numbers that no decision can be made on.
func TestFeedRefuses(t *testing.T) {
	s := mirrorSession(t)
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for _, tt := range []struct {
		f, b []byte
		want string
	}{
		{floats(1, 2), []byte{0, 1}, ""},
		{floats(1, nan), []byte{0, 1}, "value 1 is NaN"},
		{floats(inf, 1), []byte{0, 1}, "value 0 is -Inf"},
		{floats(1, 2), []byte{0, 2}, "value 1 is 2, want 0 or 1"},
	} {
		err := feed(s, []oip.Tensor{{Name: "b", Datatype: "BOOL", Shape: []int{2}, Data: tt.b}, {Name: "f", Datatype: "FP32", Shape: []int{1, 2}, Data: tt.f}})
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
}

// TestBatchOfSeveral: several inputs and outputs go by their names.
func TestBatchOfSeveral(t *testing.T) {
	s := mirrorSession(t)
	for body, want := range map[string]string{
		`{"instances":[{"f":[1,2],"b":true}]}`:                          "shape [1] with the examples first",
		`{"inputs":{"f":[[1,2]],"b":[true,false]}}`:                     `{"f":[[1,2]],"b":[true,false]}`,
		`{"inputs":{"f":[[1,2],[3,4.5]],"b":[true,false]}}`:             `{"f":[[1,2],[3,4.5]],"b":[[true,false],[true,false]]}`,
		`{"inputs":[[1,2]]}`:                                            "give each by its name",
		`{"inputs":{"f":[[1,2]]}}`:                                      "1 inputs, the model has 2",
		`{"inputs":{"f":[[1,2]],"c":[true,false]}}`:                     `no input is named "b"`,
		`{"inputs":{"f":[],"b":[true,false]}}`:                          "shape [0] with",
		`{"inputs":{"f":[[1,2],[1,2]],"b":[true,false]},"instances":1}`: "one of",
	} {
		b, err := parseBatch([]byte(body), s)
		var got []byte
		if err == nil {
			var columns []column
			if columns, err = b.run(context.Background(), s); err == nil {
				got, err = b.appendPredictions(nil, columns)
			}
		}
		if err != nil && !strings.Contains(err.Error(), want) || err == nil && string(got) != want {
			t.Errorf("%s: %s %v, want %s", body, got, err, want)
		}
	}
}
