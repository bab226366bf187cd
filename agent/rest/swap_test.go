package rest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dunlin-edge/dunlin/agent/serve"
)

// TestSwaps: 10,000 requests while the model is swapped 100 times between two
// versions, none fails, and each answer is that of the version it names.
func TestSwaps(t *testing.T) {
	const requests, swaps, clients = 10_000, 100, 4
	g := newRig(t, func(_ *Config, c *serve.Config) { c.Queue = 64 })
	bundle(t, g.dir, "machine-1.1.0.dunlin")
	body := string(infer(machineInput, "INT8", "[1,51]", numbers(51)))
	want := map[string]string{}
	for _, v := range []string{"1.1.0", "1.0.0"} {
		if code, _, text := g.ask("POST", "/v2/repository/models/machine/load", fmt.Appendf(nil, `{"parameters":{"version":%q}}`, v)); code != 200 {
			t.Fatalf("load %s: %s", v, text)
		}
		_, _, text := g.ask("POST", "/v2/models/machine/infer", []byte(body))
		if !strings.Contains(text, `"model_version":"`+v+`"`) {
			t.Fatalf("%s answered %s", v, text)
		}
		want[v] = text
	}
	if strings.ReplaceAll(want["1.0.0"], "1.0.0", "") == strings.ReplaceAll(want["1.1.0"], "1.1.0", "") {
		t.Fatal("both versions answer the same: the test could not tell them apart")
	}
	var left, failed atomic.Int64
	left.Store(requests)
	seen := map[string]*atomic.Int64{"1.0.0": {}, "1.1.0": {}}
	ask := func() error {
		resp, err := g.http.Post("http://device/v2/models/machine/infer", "application/json", strings.NewReader(body))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		v := strings.TrimPrefix(resp.Header.Get(modelHeader), "machine@")
		if resp.StatusCode != http.StatusOK || want[v] != string(text) {
			return fmt.Errorf("%s from %q: %s", resp.Status, v, text)
		}
		seen[v].Add(1)
		return nil
	}
	var asking sync.WaitGroup
	for range clients {
		asking.Go(func() {
			for left.Add(-1) >= 0 {
				if err := ask(); err != nil && failed.Add(1) < 4 {
					t.Error(err)
				}
			}
		})
	}
	for i := range swaps {
		for done := int64(i) * requests / swaps; requests-left.Load() < done; {
			if err := ask(); err != nil { // in the pace of the requests
				t.Error(err)
			}
		}
		v := []string{"1.1.0", "1.0.0"}[i%2]
		if code, _, text := g.ask("POST", "/v2/repository/models/machine/load", fmt.Appendf(nil, `{"parameters":{"version":%q}}`, v)); code != 200 {
			t.Errorf("swap %d: %d %s", i, code, text)
		}
	}
	asking.Wait()
	a, b := seen["1.0.0"].Load(), seen["1.1.0"].Load()
	t.Logf("%d requests, %d swaps, %d failed; 1.0.0 answered %d, 1.1.0 %d", requests, swaps, failed.Load(), a, b)
	if failed.Load() > 0 || a < requests/10 || b < requests/10 {
		t.Errorf("%d failed, %d and %d answered", failed.Load(), a, b)
	}
}
