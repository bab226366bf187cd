package rest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/inference/oip"
)

// vww is the MLPerf Tiny person detector, 27,648 bytes of input.
const vww = "../../../shared/models/mlperf-tiny/vww_96_int8.tflite"

// BenchmarkOverSocket sends binary tensors over the socket and runs the same
// session directly, in turn, and prints what the way there and back costs. The
// first client is net/http, the second writes its request into the connection
// and reads the answer, as a program in C would.
func BenchmarkOverSocket(b *testing.B) {
	data, err := os.ReadFile(vww)
	if err != nil {
		b.Skip("no ../shared/models")
	}
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "vww.tflite"), data, 0o644); err != nil {
		b.Fatal(err)
	}
	g := newRigOf(b, dir, nil)
	v, err := g.models.Find("vww", "")
	if err != nil {
		b.Fatal(err)
	}
	m := v.Model // its weights are those that requests use, and as warm
	s, err := m.NewSession()
	if err != nil {
		b.Fatal(err)
	}
	in := m.Inputs()[0]
	req := oip.Request{Inputs: []oip.Tensor{{Name: in.Name, Datatype: oip.DatatypeOf(in.DType), Shape: in.Shape, Data: make([]byte, in.Size())}}}
	body, header := req.Append(nil)
	conn, err := net.Dial("unix", g.server.Addrs()[0].String())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	raw := fmt.Appendf(nil, "POST /v2/models/vww/infer HTTP/1.1\r\nHost: d\r\nContent-Length: %d\r\n%s: %d\r\n\r\n", len(body), oip.HeaderLength, header)
	raw = append(raw, body...)
	answers := bufio.NewReader(conn)
	kinds := map[string]func(){
		"Session.Run": func() {
			if err := s.Run(context.Background()); err != nil {
				b.Fatal(err)
			}
		},
		"net/http": func() {
			if code, _, text := g.ask("POST", "/v2/models/vww/infer", body, fmt.Sprintf("%s: %d", oip.HeaderLength, header)); code != 200 {
				b.Fatal(text)
			}
		},
		"connection": func() {
			conn.Write(raw)
			resp, err := http.ReadResponse(answers, nil)
			if err != nil || resp.StatusCode != 200 {
				b.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
		},
	}
	times := map[string][]time.Duration{}
	for b.Loop() {
		for kind, once := range kinds {
			began := time.Now()
			once()
			times[kind] = append(times[kind], time.Since(began))
		}
	}
	median := map[string]float64{}
	for kind, list := range times {
		slices.Sort(list)
		median[kind] = float64(list[len(list)/2].Nanoseconds()) / 1e3
		b.ReportMetric(median[kind], "µs/"+kind)
	}
	for _, kind := range []string{"net/http", "connection"} {
		b.ReportMetric(median[kind]-median["Session.Run"], "µs-above/"+kind)
		b.ReportMetric(median[kind]/median["Session.Run"], "ratio/"+kind)
	}
}
