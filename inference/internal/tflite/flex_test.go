package tflite

import (
	"math"
	"reflect"
	"testing"
)

// detectionOptions has one-byte widths: {"a": -2, "b": true, "n": 7u}.
var detectionOptions = []byte("a\x00b\x00n\x00" + // keys at 0, 2, 4
	"\x03" + "\x07\x06\x05" + // key vector at 7: count, offsets back to each key
	"\x03\x01\x03" + // map: keys 3 back, their width, count
	"\xfe\x01\x07" + // values at 13
	"\x04\x68\x08" + // their types: int, bool, uint
	"\x06\x24\x01") // root: values 6 back, a map of width 1

func TestFlexNumbers(t *testing.T) {
	got, err := FlexNumbers(detectionOptions)
	if want := map[string]float64{"a": -2, "b": 1, "n": 7}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

func TestFlexNumbersRefuses(t *testing.T) {
	for cut := range detectionOptions {
		if m, err := FlexNumbers(detectionOptions[cut+1:]); err == nil && len(m) == 3 {
			t.Errorf("cut by %d: %v", cut+1, m)
		}
	}
	if _, err := FlexNumbers(make([]byte, maxFlexBytes+1)); err == nil {
		t.Error("no error for options beyond the limit")
	}
}

func FuzzFlexNumbers(f *testing.F) {
	f.Add(detectionOptions)
	f.Add([]byte("\x00\x00\x00\x00\x03\x25\x02"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := FlexNumbers(data)
		if err != nil && m != nil {
			t.Error("a map and an error")
		}
		if len(m) > maxFlexKeys {
			t.Errorf("%d keys", len(m))
		}
		for k, v := range m {
			if len(k) > len(data) || math.IsInf(v, 0) && len(data) < 4 {
				t.Errorf("%q = %v from %d bytes", k, v, len(data))
			}
		}
	})
}
