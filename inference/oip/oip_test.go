package oip

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

func TestParseArray(t *testing.T) {
	for _, tt := range []struct {
		raw   string
		d     Datatype
		shape []int
		data  []byte
		want  string // of the error
	}{
		{"7", "INT8", nil, []byte{7}, ""},
		{"[1,-2, 3]", "INT8", []int{3}, []byte{1, 254, 3}, ""},
		{"[[1,2],[3,4]]", "UINT16", []int{2, 2}, []byte{1, 0, 2, 0, 3, 0, 4, 0}, ""},
		{"[]", "FP32", []int{0}, []byte{}, ""},
		{"[[],[]]", "FP32", []int{2, 0}, []byte{}, ""},
		{"[true, 0]", "BOOL", []int{2}, []byte{1, 0}, ""},
		{"[1e0]", "FP32", []int{1}, []byte{0, 0, 0x80, 0x3f}, ""},
		{"[128]", "INT8", nil, nil, `value 0: "128" is no INT8`},
		{"[-1]", "UINT8", nil, nil, `"-1" is no UINT8`},
		{"[1.5]", "INT32", nil, nil, `"1.5" is no INT32`},
		{"[1e39]", "FP32", nil, nil, `"1e39" is no FP32`},
		{"[null]", "FP32", nil, nil, `"null" is no FP32`},
		{`["NaN"]`, "FP32", nil, nil, "want a number"},
		{`{"b64":"AA=="}`, "FP32", nil, nil, "want a number"},
		{"[[1],[2,3]]", "INT8", nil, nil, "not rectangular"},
		{"[1,[2]]", "INT8", nil, nil, "not rectangular"},
		{"[[1],2]", "INT8", nil, nil, "not rectangular"},
		{"[[],1]", "INT8", nil, nil, "not rectangular"},
		{strings.Repeat("[", 40) + strings.Repeat("]", 40), "INT8", nil, nil, "brackets"},
		{"[1]", "FP16", nil, nil, "no numbers"},
	} {
		shape, data, err := ParseArray([]byte(tt.raw), tt.d)
		if tt.want != "" {
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s as %s: %v, want %s", tt.raw, tt.d, err, tt.want)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(shape, tt.shape) || !bytes.Equal(data, tt.data) {
			t.Errorf("%s as %s: %v %v %v", tt.raw, tt.d, shape, data, err)
		}
		back, err := AppendArray(nil, tt.d, shape, data)
		if again, _, err2 := ParseArray(back, tt.d); err != nil || err2 != nil || !reflect.DeepEqual(again, shape) {
			t.Errorf("%s came back as %s: %v %v", tt.raw, back, err, err2)
		}
	}
}

// ask writes a request of one input.
func ask(shape, rest string) string {
	return fmt.Sprintf(`{"inputs":[{"name":"x","datatype":"INT8","shape":%s,%s}]}`, shape, rest)
}

func TestDecodeRequestRefuses(t *testing.T) {
	binary := `"parameters":{"binary_data_size":4}`
	for _, tt := range []struct{ body, header, want string }{
		{"", "", "JSON"},
		{"{}", "", "inputs: none"},
		{`{"inputs":[]}`, "", "inputs: none"},
		{ask("[2]", `"data":[1]`), "", "data of shape [1]"},
		{ask("[1,2]", `"data":[[1],[2]]`), "", "data of shape [2 1]"},
		{ask("[-1]", `"data":[1]`), "", "dimension 0 is -1"},
		{ask("[4294967296,4294967296]", `"data":[1]`), "", "is more than"},
		{ask("[65536,65536]", `"data":[1]`), "", "is more than"},
		{ask("[0,9223372036854775807]", `"data":[]`), "", "is more than"},
		{ask("[9223372036854775808]", `"data":[1]`), "", "JSON"},
		{ask("[1,1,1,1,1,1,1,1,1]", `"data":[1]`), "", "9 dimensions"},
		{ask("[1]", `"x":1`), "", "no data"},
		{ask("[4]", `"data":[1,2,3,4],"parameters":{"binary_data_size":4}`) + "abcd", "90", "JSON"},
		{ask("[4]", binary), "", "0 are left"},
		{ask("[4]", binary) + "abcd", "-1", HeaderLength},
		{ask("[4]", binary) + "abcd", "1e3", HeaderLength},
		{ask("[4]", binary) + "abcd", "999999", HeaderLength},
		{`{"inputs":[{"name":"x","datatype":"BYTES","shape":[1],"data":["a"]}]}`, "", "strings"},
		{`{"inputs":[{"name":"x","datatype":"FP8","shape":[1],"data":[1]}]}`, "", "datatype"},
		{`{"inputs":[{"name":"` + strings.Repeat("x", 600) + `","datatype":"INT8","shape":[1],"data":[1]}]}`, "", "name of 600"},
		{`{"inputs":[{"name":"x","datatype":"INT8","shape":[1],"parameters":{"shared_memory_region":"m"}}]}`, "", "shared_memory_region"},
		{`{"inputs":{}}`, "", "JSON"},
	} {
		_, err := DecodeRequest([]byte(tt.body), tt.header)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.120s: %v, want %s", tt.body, err, tt.want)
		}
	}
	whole := ask("[4]", binary)
	for body, want := range map[string]string{"abc": "3 are left", "abcde": "1 bytes follow"} {
		if _, err := DecodeRequest([]byte(whole+body), fmt.Sprint(len(whole))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
}

func TestRequestThereAndBack(t *testing.T) {
	r := &Request{ID: `a "b"`, Binary: true, Inputs: []Tensor{
		{"x", "INT16", []int{1, 2}, []byte{1, 2, 3, 4}}, {"é", "BOOL", []int{}, []byte{1}},
	}}
	body, header := r.Append([]byte("spare"))
	got, err := DecodeRequest(body[5:], fmt.Sprint(header))
	if err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestMillions: lists of millions of small things are refused before they take
// memory.
func TestMillions(t *testing.T) {
	for name, body := range map[string]string{
		"inputs":  `{"inputs":[` + strings.Repeat("{},", 2<<20) + `{}]}`,
		"outputs": `{"inputs":[],"outputs":[` + strings.Repeat("{},", 2<<20) + `{}]}`,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := DecodeRequest([]byte(body), "")
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "more than 64") {
			t.Errorf("%s: %v", name, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 8*uint64(len(body)) {
			t.Errorf("%s: %d bytes for a body of %d", name, n, len(body))
		}
	}
}

// TestDecoderRemembers: a repeated header is that of the body it stands in, and
// another one is not taken for it.
func TestDecoderRemembers(t *testing.T) {
	var d Decoder
	head := ask("[4]", `"parameters":{"binary_data_size":4}`)
	other := strings.Replace(head, `"x"`, `"y"`, 1)
	for i, tt := range []struct{ head, data, name string }{
		{head, "abcd", "x"}, {head, "efgh", "x"}, {other, "ijkl", "y"}, {other, "mnop", "y"}, {head, "qrst", "x"},
	} {
		r, err := d.Decode([]byte(tt.head+tt.data), fmt.Sprint(len(tt.head)))
		if err != nil || r.Inputs[0].Name != tt.name || string(r.Inputs[0].Data) != tt.data {
			t.Errorf("%d: %+v %v", i, r, err)
		}
	}
	for data, want := range map[string]string{"ab": "2 are left", "abcdef": "2 bytes follow"} {
		if _, err := d.Decode([]byte(head+data), fmt.Sprint(len(head))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", data, err, want)
		}
	}
	if _, err := d.Decode([]byte(head), ""); err == nil || !strings.Contains(err.Error(), "0 are left") {
		t.Errorf("the same as JSON alone: %v", err)
	}
}

func TestResponseThereAndBack(t *testing.T) {
	r := &Response{Model: "m", Version: "1.0.0", ID: "7", Outputs: []Tensor{
		{"a", "INT8", []int{1, 2}, []byte{1, 255}}, {"b", "FP32", []int{1}, []byte{0, 0, 0xc0, 0x7f}},
	}}
	body, header, err := r.Append(nil, []bool{false, true})
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(body[:header]) || !strings.Contains(string(body), `"data":[1,-1]`) {
		t.Errorf("%s", body)
	}
	got, err := DecodeResponse(body, fmt.Sprint(header))
	if err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, _, err := r.Append(nil, []bool{false, false}); err == nil || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("NaN in JSON: %v", err)
	}
}

func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(ask("[2]", `"data":[1,2]`)), "")
	f.Add([]byte(ask("[4]", `"parameters":{"binary_data_size":4}`)+"abcd"), "82")
	f.Add([]byte(ask("[2,1]", `"data":[[1],[2]]`)), "")
	var d Decoder // remembers, over all inputs
	f.Fuzz(func(t *testing.T, body []byte, header string) {
		r, err := DecodeRequest(body, header)
		again, err2 := d.Decode(body, header)
		if (err == nil) != (err2 == nil) || err == nil && !reflect.DeepEqual(r, again) {
			t.Fatalf("remembering changes it: %+v %v, %+v %v", r, err, again, err2)
		}
		if err != nil {
			return
		}
		for _, x := range r.Inputs {
			n := x.Datatype.Size()
			for _, d := range x.Shape {
				n *= d
			}
			if n != len(x.Data) {
				t.Fatalf("%s%v has %d bytes", x.Datatype, x.Shape, len(x.Data))
			}
		}
		back, header2 := r.Append(nil)
		if _, err := DecodeRequest(back, fmt.Sprint(header2)); err != nil {
			t.Fatalf("does not come back: %v", err)
		}
	})
}

func FuzzDecodeResponse(f *testing.F) {
	f.Add([]byte(`{"model_name":"m","outputs":[{"name":"y","datatype":"INT8","shape":[1],"data":[3]}]}`), "")
	f.Fuzz(func(t *testing.T, body []byte, header string) {
		if r, err := DecodeResponse(body, header); err == nil {
			binary := make([]bool, len(r.Outputs))
			for i := range binary {
				binary[i] = true
			}
			if _, _, err := r.Append(nil, binary); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzParseArray(f *testing.F) {
	f.Add([]byte("[[1,2],[3,4]]"), "FP32")
	f.Add([]byte("[true]"), "BOOL")
	f.Fuzz(func(t *testing.T, raw []byte, d string) {
		if !json.Valid(raw) {
			return
		}
		shape, data, err := ParseArray(raw, Datatype(d))
		if err != nil {
			return
		}
		n := Datatype(d).Size()
		for _, x := range shape {
			n *= x
		}
		if n != len(data) {
			t.Fatalf("%s: shape %v, %d bytes", raw, shape, len(data))
		}
		if _, err := AppendArray(nil, Datatype(d), shape, data); err != nil {
			t.Fatal(err)
		}
	})
}
