package replay

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCSV(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		cfg        Config
		rate       float64
		channels   int
		values     []float32
		gaps       []gap
		names      string
	}{
		{"header and seconds", "time,x,y\n0,1,2\n0.5,3,4\n1,5,6\n", Config{}, 2, 2, []float32{1, 2, 3, 4, 5, 6}, nil, "x y"},
		{"milliseconds", "t_ms;a\n0;1\n10;2\n20;3\n", Config{}, 100, 1, []float32{1, 2, 3}, nil, "a"},
		{"unit given", "time\tv\n0\t1\n1000\t2\n2000\t3\n", Config{TimeUnit: "us"}, 1000, 1, []float32{1, 2, 3}, nil, "v"},
		{"column given", "a,when\n1,0\n2,1\n3,2\n", Config{TimeColumn: "when"}, 1, 1, []float32{1, 2, 3}, nil, "a"},
		{"dates", "2026-11-23T10:00:00Z,1\n2026-11-23T10:00:00.25Z,2\n2026-11-23T10:00:00.5Z,3\n", Config{}, 4, 1, []float32{1, 2, 3}, nil, ""},
		{"gap", "time,v\n0,1\n1,2\n2,3\n6,4\n7,5\n", Config{}, 1, 1, []float32{1, 2, 3, 4, 5}, []gap{{3, 3}}, "v"},
		{"no times", "1,2\n3,4\n", Config{RateHz: 50}, 50, 2, []float32{1, 2, 3, 4}, nil, ""},
		{"jitter is no gap", "time,v\n0,1\n0.9,2\n2.1,3\n3,4\n", Config{}, 1, 1, []float32{1, 2, 3, 4}, nil, "v"},
		{"near the rate wanted", "time,v\n0,1\n0.010001,2\n0.020002,3\n", Config{RateHz: 100}, 100, 1, []float32{1, 2, 3}, nil, "v"},
		{"BOM, comment, quotes, blank, CRLF", "\xEF\xBB\xBF# made by hand\r\n\"time\",\"v\"\r\n\r\n0,1\r\n1,\"2\"\r\n", Config{}, 1, 1, []float32{1, 2}, nil, "v"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec, err := parseCSV(strings.NewReader(tc.text), &tc.cfg)
			if err != nil {
				t.Fatal(err)
			}
			c := rec.clip.(*csvClip)
			if rec.rateHz != tc.rate || rec.channels != tc.channels || strings.Join(rec.names, " ") != tc.names {
				t.Errorf("%v Hz, %d channels %v", rec.rateHz, rec.channels, rec.names)
			}
			if !slices.Equal(c.values, tc.values) || !slices.Equal(c.gaps, tc.gaps) {
				t.Errorf("values %v gaps %v", c.values, c.gaps)
			}
		})
	}
}

// A clock of 1 ms on a sensor of 1600 Hz: times repeat, nothing is lost.
func TestCSVCoarseClock(t *testing.T) {
	var b strings.Builder
	b.WriteString("time_ms,v\n")
	for i := range 3200 {
		fmt.Fprintf(&b, "%d,%d\n", i*10/16, i)
	}
	rec, err := parseCSV(strings.NewReader(b.String()), &Config{RateHz: 1600})
	if err != nil || rec.rateHz != 1600 || len(rec.clip.(*csvClip).gaps) != 0 {
		t.Errorf("%+v, %v", rec, err)
	}
}

func TestCSVErrors(t *testing.T) {
	for _, tc := range []struct {
		name, text, want string
		cfg              Config
	}{
		{"empty", "", "no rows of numbers", Config{}},
		{"header only", "time,x\n", "no rows of numbers", Config{}},
		{"NaN", "time,x\n0,1\n1,NaN\n", `line 3: column "x": "NaN", want a finite number`, Config{}},
		{"infinite", "1,2\n3,-Inf\n", `line 2: column 2: "-Inf"`, Config{RateHz: 1}},
		{"too large", "1,2\n3,1e39\n", `line 2: column 2: "1e39"`, Config{RateHz: 1}},
		{"text", "x,y\n1,2\n3,four\n", `line 3: column "y": "four"`, Config{RateHz: 1}},
		{"empty field", "x,y\n1,\n", `line 2: column "y": ""`, Config{RateHz: 1}},
		{"ragged", "1,2\n3,4,5\n", "line 2: 3 columns, the rows before have 2", Config{RateHz: 1}},
		{"time goes back", "time,x\n1,1\n0,1\n", "line 3: time 0 is before", Config{}},
		{"time is no time", "time,x\nnoon,1\n", `line 2: time "noon"`, Config{}},
		{"only a time", "2026-11-23T10:00:00Z\n", "line 1: a time column and no values", Config{}},
		{"no rate", "1,2\n3,4\n", "no time column and no rate", Config{}},
		{"one row", "time,x\n0,1\n", "one row gives no rate", Config{}},
		{"times stand still", "time,x\n0,1\n0,1\n0,1\n", "finer resolution", Config{}},
		{"column not there", "a,b\n1,2\n", `no column is named "c"`, Config{TimeColumn: "c"}},
		{"long line", strings.Repeat("1", maxLine+1), "line 1: longer than", Config{}},
		{"many columns", strings.Repeat("1,", 70) + "1\n", "71 columns", Config{}},
		{"date among numbers", "time,x\n0,1\n2026-11-23T10:00:00Z,1\n", "line 3: time 2026-11-23T10:00:00Z is a date", Config{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := parseCSV(strings.NewReader(tc.text), &tc.cfg)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func FuzzCSV(f *testing.F) {
	f.Add("time,x\n0,1\n1,2\n5,3\n", 0.0)
	f.Add("2026-11-23T10:00:00Z;1\n2026-11-23T10:00:01Z;2\n", 10.0)
	f.Add("1\t2\n3\t4\n", 50.0)
	f.Fuzz(func(t *testing.T, text string, rate float64) {
		cfg := Config{RateHz: rate}
		if cfg.validate() != nil {
			return
		}
		rec, err := parseCSV(strings.NewReader(text), &cfg)
		if err != nil {
			return
		}
		total, buf := 0, make([]float32, 3*rec.channels)
		for {
			b, err := rec.next(buf)
			if err != nil {
				break
			}
			total += b.frames * rec.channels
			if b.frames == 0 {
				t.Fatal("a block without frames")
			}
		}
		if total != len(rec.clip.(*csvClip).values) {
			t.Errorf("%d values played", total)
		}
	})
}
