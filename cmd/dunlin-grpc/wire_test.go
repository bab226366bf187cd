package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/dunlin-edge/dunlin/inference/oip"
)

// input is an InferInputTensor with contents in a field.
func input(datatype string, num protowire.Number, contents []byte) frame {
	m := appendHead(nil, "x", datatype, []int{1, 2})
	if contents != nil {
		m = appendMessage(m, 5, appendMessage(nil, num, contents))
	}
	return m
}

func varints(list ...int64) (b []byte) {
	for _, v := range list {
		b = protowire.AppendVarint(b, uint64(v))
	}
	return b
}

func TestDecodeInfer(t *testing.T) {
	head := appendText(appendText(appendText(nil, 1, "m"), 2, "1.0.0"), 3, "7")
	for name, tt := range map[string]struct {
		b    frame
		data []byte
		want string // of the error
	}{
		"raw":            {appendMessage(appendMessage(head, 5, input("INT8", 0, nil)), 7, []byte{1, 2}), []byte{1, 2}, ""},
		"int8":           {appendMessage(head, 5, input("INT8", 2, varints(-1, 127))), []byte{255, 127}, ""},
		"uint16":         {appendMessage(head, 5, input("UINT16", 4, varints(1, 65535))), []byte{1, 0, 255, 255}, ""},
		"float":          {appendMessage(head, 5, input("FP32", 6, []byte{0, 0, 128, 63, 0, 0, 0, 0})), []byte{0, 0, 128, 63, 0, 0, 0, 0}, ""},
		"bool":           {appendMessage(head, 5, input("BOOL", 1, varints(1, 0))), []byte{1, 0}, ""},
		"too large":      {appendMessage(head, 5, input("INT8", 2, varints(128, 0))), nil, "128 is no INT8"},
		"other field":    {appendMessage(head, 5, input("INT8", 6, []byte{})), nil, "stands in field 2"},
		"half a float":   {appendMessage(head, 5, input("FP32", 6, []byte{1})), nil, "packed floats"},
		"no half floats": {appendMessage(head, 5, input("FP16", 6, []byte{1})), nil, "raw_input_contents alone"},
		"strings":        {appendMessage(head, 5, input("BYTES", 8, []byte{1})), nil, "no numbers"},
		"both":           {appendMessage(appendMessage(head, 5, input("INT8", 2, varints(1))), 7, []byte{1, 2}), nil, "beside"},
		"raw of another": {appendMessage(appendMessage(appendMessage(head, 5, input("INT8", 0, nil)), 7, nil), 7, nil), nil, "2 raw_input_contents"},
		"cut":            {append(slices.Clone(head), 0x2a, 0x7f), nil, "EOF"},
	} {
		q, err := decodeInfer(tt.b)
		if tt.want != "" {
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %s", name, err, tt.want)
			}
			continue
		}
		if err != nil || q.model != "m" || q.version != "1.0.0" || q.ID != "7" || !bytes.Equal(q.Inputs[0].Data, tt.data) || !slices.Equal(q.Inputs[0].Shape, []int{1, 2}) {
			t.Errorf("%s: %+v %v", name, q, err)
		}
	}
}

func TestWanted(t *testing.T) {
	r := &oip.Response{Outputs: []oip.Tensor{{Name: "a"}, {Name: "b"}}}
	if _, err := appendResponse(nil, r, []string{"c"}); err == nil || !strings.Contains(err.Error(), `"c"`) {
		t.Errorf("%v", err)
	}
	one, err := appendResponse(nil, r, []string{"b"})
	if all, err2 := appendResponse(nil, r, nil); err != nil || err2 != nil || len(one) >= len(all) {
		t.Errorf("%d and %d bytes, %v %v", len(one), len(all), err, err2)
	}
}

func TestParse(t *testing.T) {
	for line, want := range map[string]string{
		"": "no socket", "--socket s --listen x": "--listen", "--socket s --listen 0.0.0.0:1": "other machines", "--socket s --listen 0.0.0.0:1 --cert c --key k --anonymous": "other machines",
		"--socket s": "", "--socket s --listen 0.0.0.0:1 --cert c --key k": "", "--socket s --listen [::1]:1 --anonymous": "",
	} {
		_, err := parse(strings.Fields(line))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func FuzzDecodeInfer(f *testing.F) {
	f.Add([]byte(appendMessage(appendMessage(appendText(nil, 1, "m"), 5, input("INT8", 0, nil)), 7, []byte{1, 2})))
	f.Add([]byte(appendMessage(appendText(nil, 1, "m"), 5, input("FP32", 6, []byte{0, 0, 128, 63}))))
	f.Add([]byte(appendMessage(appendText(nil, 1, "m"), 5, input("UINT8", 4, varints(1, 2)))))
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := decodeInfer(b)
		if err != nil {
			return
		}
		q.Append(nil)
		decodeReady(b)
	})
}
