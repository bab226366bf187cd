package replay

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

// wavSpec builds WAVE files for tests, good and bad.
type wavSpec struct {
	tag, channels, bits uint16
	rate                uint32
	extensible          bool
	data                []byte
	extra               string // chunks between format and data
}

func (s wavSpec) bytes() []byte {
	le := binary.LittleEndian
	align := s.channels * ((s.bits + 7) / 8)
	f := le.AppendUint16(nil, s.tag)
	if s.extensible {
		f = le.AppendUint16(nil, tagExtensible)
	}
	f = le.AppendUint16(f, s.channels)
	f = le.AppendUint32(f, s.rate)
	f = le.AppendUint32(f, s.rate*uint32(align))
	f = le.AppendUint16(f, align)
	f = le.AppendUint16(f, s.bits)
	if s.extensible {
		f = append(f, 22, 0, byte(s.bits), 0, 0, 0, 0, 0)
		f = le.AppendUint16(f, s.tag)
		f = append(f, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71)
	}
	body := append([]byte("WAVE"), chunkOf("fmt ", f)...)
	body = append(append(body, s.extra...), chunkOf("data", s.data)...)
	return append(le.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func chunkOf(id string, data []byte) []byte {
	b := append(binary.LittleEndian.AppendUint32([]byte(id), uint32(len(data))), data...)
	if len(data)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

// pcm16 is a good mono file of the values.
func pcm16(rate uint32, values ...int16) []byte {
	var data []byte
	for _, v := range values {
		data = binary.LittleEndian.AppendUint16(data, uint16(v))
	}
	return wavSpec{tag: tagPCM, channels: 1, bits: 16, rate: rate, data: data}.bytes()
}

func TestDecodeWAV(t *testing.T) {
	f32 := func(vs ...float32) (b []byte) {
		for _, v := range vs {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		return b
	}
	odd := string(chunkOf("LIST", []byte("odd")))
	for _, tc := range []struct {
		name string
		spec wavSpec
		want []float32
	}{
		{"8 bit", wavSpec{tag: 1, channels: 1, bits: 8, rate: 8000, data: []byte{0, 128, 255}}, []float32{-1, 0, 127. / 128}},
		{"16 bit", wavSpec{tag: 1, channels: 1, bits: 16, rate: 8000, data: []byte{0, 0x80, 0xff, 0x7f, 1, 0}}, []float32{-1, 32767. / 32768, 1. / 32768}},
		{"24 bit", wavSpec{tag: 1, channels: 1, bits: 24, rate: 8000, data: []byte{0, 0, 0x80, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff}}, []float32{-1, 8388607. / 8388608, -1. / 8388608}},
		{"32 bit", wavSpec{tag: 1, channels: 1, bits: 32, rate: 8000, data: []byte{0, 0, 0, 0x80, 0, 0, 0, 0x40}}, []float32{-1, 0.5}},
		{"float", wavSpec{tag: 3, channels: 2, bits: 32, rate: 8000, data: f32(0.25, -3)}, []float32{0.25, -3}},
		{"extensible", wavSpec{tag: 1, channels: 2, bits: 16, rate: 8000, extensible: true, data: []byte{0, 0x80, 0, 0x40}}, []float32{-1, 0.5}},
		{"extensible float", wavSpec{tag: 3, channels: 1, bits: 32, rate: 8000, extensible: true, data: f32(1)}, []float32{1}},
		{"odd chunk between", wavSpec{tag: 1, channels: 1, bits: 8, rate: 8000, extra: odd, data: []byte{192}}, []float32{0.5}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := DecodeWAV(bytes.NewReader(tc.spec.bytes()))
			if err != nil {
				t.Fatal(err)
			}
			if c.RateHz != 8000 || c.Channels != int(tc.spec.channels) || len(c.Samples) != len(tc.want) {
				t.Fatalf("got %+v", c)
			}
			for i, v := range tc.want {
				if c.Samples[i] != v {
					t.Errorf("sample %d: %v, want %v", i, c.Samples[i], v)
				}
			}
		})
	}
}

// Every 16-bit value comes back exactly, as an integer front end needs.
func TestInt16IsExact(t *testing.T) {
	var values []int16
	for v := -32768; v < 32768; v++ {
		values = append(values, int16(v))
	}
	c, err := DecodeWAV(bytes.NewReader(pcm16(16000, values...)))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range values {
		if int16(c.Samples[i]*32768) != v {
			t.Fatalf("%d became %v", v, c.Samples[i])
		}
	}
}

func TestWAVWithoutLength(t *testing.T) {
	raw := pcm16(8000, 1, 2, 3)
	copy(raw[40:], []byte{0xff, 0xff, 0xff, 0xff})
	for _, size := range []int64{-1, int64(len(raw))} {
		w, err := newWAV(bytes.NewReader(raw), size)
		if err != nil {
			t.Fatal(err)
		}
		b, err := w.next(make([]float32, 16))
		if err != nil || b.frames != 3 {
			t.Errorf("size %d: %d frames, %v", size, b.frames, err)
		}
	}
}

func TestWAVErrors(t *testing.T) {
	good := pcm16(8000, 1, 2, 3)
	edit := func(at int, with ...byte) []byte {
		b := bytes.Clone(good)
		copy(b[at:], with)
		return b
	}
	nan := wavSpec{tag: 3, channels: 1, bits: 32, rate: 8000, data: []byte{0, 0, 0, 0, 0, 0, 0xc0, 0x7f}}.bytes()
	for _, tc := range []struct {
		name, want string
		data       []byte
	}{
		{"empty file", "RIFF header: file ends early", nil},
		{"foreign", "not a WAVE file", bytes.Repeat([]byte("OggS"), 10)},
		{"big-endian", "RIFX", edit(0, []byte("RIFX")...)},
		{"no samples", "file has no samples", pcm16(8000)},
		{"cut", "file is cut: 4 bytes of samples, the header promises 6", good[:len(good)-2]},
		{"no data chunk", "no data chunk", good[:36]},
		{"cut format", "format chunk: file ends early", good[:30]},
		{"data first", "before their format", append([]byte("RIFF\x00\x00\x00\x00WAVE"), chunkOf("data", []byte{1, 2})...)},
		{"ADPCM", "Microsoft ADPCM, want PCM or float", edit(20, 2)},
		{"mu-law", "mu-law", edit(20, 7)},
		{"12 bit", "12 bits per sample", edit(34, 12)},
		{"no channels", "0 channels", edit(22, 0)},
		{"65 channels", "65 channels", edit(22, 65)},
		{"0 Hz", "0 Hz", edit(24, 0, 0, 0, 0)},
		{"block align", "frames of 3 bytes", edit(32, 3)},
		{"half a frame", "no whole number of frames", edit(40, 5)},
		{"extensible too short", "extensible format", edit(20, 0xfe, 0xff)},
		{"large format", "limit 1024", edit(16, 0xff, 0xff, 0xff, 0x7f)},
		{"NaN", "frame 1: value NaN", nan},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, err := newWAV(bytes.NewReader(tc.data), int64(len(tc.data)))
			for err == nil {
				_, err = w.next(make([]float32, 64))
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func FuzzWAV(f *testing.F) {
	f.Add(pcm16(8000, 1, 2, 3))
	f.Add(wavSpec{tag: 3, channels: 2, bits: 32, rate: 8000, extensible: true, data: make([]byte, 16)}.bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := DecodeWAV(bytes.NewReader(data))
		if err != nil {
			return
		}
		if len(c.Samples) == 0 || len(c.Samples)%c.Channels != 0 || c.RateHz <= 0 {
			t.Errorf("accepted as %d Hz, %d channels, %d samples", c.RateHz, c.Channels, len(c.Samples))
		}
		for _, v := range c.Samples {
			if v-v != 0 {
				t.Fatalf("sample %v", v)
			}
		}
	})
}
