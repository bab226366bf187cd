package rest

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestPipelinesCatalog: an agent's pipelines are models, in the version they
// decide with; loading does not change what a pipeline runs.
func TestPipelinesCatalog(t *testing.T) {
	a, client := runAgent(t)
	for _, tt := range []struct {
		method, path, body string
		code               int
		want               string
	}{
		{"POST", "/v2/repository/index", "", 200, `{"name":"machine","version":"1.0.0","state":"READY"}`},
		{"POST", "/v2/repository/models/machine/load", `{"parameters":{"version":"1.1.0"}}`, 409, "versions come by updates"},
		{"POST", "/v2/repository/models/machine/unload", "", 200, "{}"},
		{"GET", "/v2/models/machine", "", 400, "unloaded"},
		{"POST", "/v2/repository/index", `{"ready":true}`, 200, `[{"name":"digits"`},
		{"POST", "/v2/repository/models/machine/load", "", 200, "{}"},
		{"GET", "/v2/models/machine", "", 200, `"versions":["1.0.0"]`},
		{"POST", "/v2/repository/models/nobody/load", "", 404, "nobody"},
		{"POST", "/v2/repository/models/nobody/unload", "", 404, "nobody"},
		{"GET", "/v1/pipelines/nobody/results", "", 404, "nobody"},
	} {
		req, err := http.NewRequest(tt.method, "http://device"+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != tt.code || !strings.Contains(string(text), tt.want) {
			t.Errorf("%s %s: %d %s %v, want %d %s", tt.method, tt.path, resp.StatusCode, text, err, tt.code, tt.want)
		}
	}
	if a.Unit("machine") == nil || a.Unit("nobody") != nil {
		t.Error("the pipeline lost its unit")
	}
}
