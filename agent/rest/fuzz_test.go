package rest

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/agent/serve"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/oip"
	"github.com/dunlin-edge/dunlin/inference/tensorflow"
)

// fuzzPaths are the routes that read a body.
var fuzzPaths = []string{
	"/v2/models/machine/infer", "/v1/models/machine:predict", "/predictions/digits", "/invocations", "/v1/pipelines/digits:classify",
	"/v1/pipelines/machine:classify", "/v2/repository/index", "/v2/repository/models/machine/load",
}

// FuzzRequests sends any body to any route: it is answered or refused, never by
// the server's own fault. A machine that is busy with something else may be too
// slow for a request (503).
func FuzzRequests(f *testing.F) {
	dir := f.TempDir()
	bundle(f, dir, "machine-1.0.0.dunlin")
	bundle(f, dir, "digits-1.0.0.dunlin")
	folder, err := serve.NewFolder(context.Background(), dir, inference.Options{}, tensorflow.Open)
	if err != nil {
		f.Fatal(err)
	}
	h := newHandler(Config{
		Serve:  config.Serve{Anonymous: true, MaxBody: 1 << 20, Model: "machine"},
		Models: serve.New(serve.Config{Catalog: folder}), Log: slog.New(slog.DiscardHandler),
	}, &clients{anonymous: &client{ServeClient: config.ServeClient{Admin: true}, meter: newMeter(0)}}, nil)
	scans, err := filepath.Glob(filepath.Join(demoDir, "scans", "000-*.png"))
	if err != nil || len(scans) != 1 {
		f.Fatal(err, scans)
	}
	picture, err := os.ReadFile(scans[0])
	if err != nil {
		f.Fatal(err)
	}
	row := numbers(51)
	f.Add(uint8(0), "application/json", "", infer(machineInput, "INT8", "[1,51]", row))
	f.Add(uint8(0), "", "0", make([]byte, 51))
	f.Add(uint8(1), "application/json", "", []byte(`{"instances":[`+row+`,{"`+machineInput+`":`+row+`}]}`))
	f.Add(uint8(1), "application/json", "", []byte(`{"signature_name":"serving_default","inputs":[`+row+`]}`))
	f.Add(uint8(2), "image/png", "", picture)
	f.Add(uint8(3), "text/csv", "", []byte("1,2,3\n4,5,6\n"))
	f.Add(uint8(5), "text/csv", "", bytes.Repeat([]byte("0.1,0.2,0.3\n"), 1100))
	f.Add(uint8(6), "", "", []byte(`{"ready":true}`))
	f.Add(uint8(7), "", "", []byte(`{"parameters":{"version":"1.0.0"}}`))
	f.Fuzz(func(t *testing.T, route uint8, kind, header string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, fuzzPaths[int(route)%len(fuzzPaths)], bytes.NewReader(body))
		r.Header.Set("Content-Type", kind)
		if header != "" {
			r.Header.Set(oip.HeaderLength, header)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != http.StatusInsufficientStorage && w.Code != http.StatusServiceUnavailable {
			t.Fatalf("%s: %d %s", r.URL, w.Code, w.Body)
		}
	})
}
