package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/agent/uplink"
	"github.com/dunlin-edge/dunlin/telemetry/capture"
)

const (
	uploadTries = 5
	uploadTime  = 15 * time.Minute
)

// uploadCapture sends the file of a capture to the fleet that asks for it, where
// telemetry.captures.upload lets it.
func (a *Agent) uploadCapture(id *uplink.Enrolled, spent *traffic) uplink.Do {
	return func(ctx context.Context, args json.RawMessage, tell func(any)) (any, error) {
		var q struct {
			Capture string `json:"capture"`
		}
		if err := readArgs(args, &q, `{"capture": ID}`); err != nil {
			return nil, err
		}
		if !a.cfg.Telemetry.Captures.Upload {
			return nil, errors.New("its configuration lets no capture leave the device (telemetry.captures.upload)")
		}
		e, data, err := a.findCapture(q.Capture)
		if err != nil {
			return nil, err
		}
		tls, err := id.TLS(id.Key)
		if err != nil {
			return nil, err
		}
		u := uploading{&http.Client{Transport: &http.Transport{TLSClientConfig: tls}}, id.URL + "/captures/" + e.ID, data, spent}
		defer u.client.CloseIdleConnections()
		return struct {
			Bytes int `json:"bytes"`
		}{len(data)}, u.run(ctx, tell)
	}
}

// findCapture reads the one whose id begins so.
func (a *Agent) findCapture(id string) (e capture.Entry, data []byte, err error) {
	s, err := CaptureStore(a.cfg, false)
	if err != nil {
		return e, nil, err
	}
	all, err := s.List()
	if err != nil {
		return e, nil, err
	}
	n := 0
	for _, x := range all {
		if len(id) >= 8 && strings.HasPrefix(x.ID, id) {
			e, n = x, n+1
		}
	}
	if n != 1 {
		return e, nil, fmt.Errorf("%d captures begin with %.64q; give 8 digits at least", n, id)
	}
	data, err = s.Read(e)
	return e, data, err
}

// uploading is a file on its way. It goes on where the line broke.
type uploading struct {
	client *http.Client
	url    string
	data   []byte
	spent  *traffic
}

func (u *uploading) run(ctx context.Context, tell func(any)) error {
	at, err := u.ask(ctx, http.MethodHead, 0)
	for try := 0; try < uploadTries; try++ {
		if err == nil && at == len(u.data) {
			return nil
		}
		if err == nil {
			tell(map[string]int{"have": at, "size": len(u.data)})
			at, err = u.ask(ctx, http.MethodPut, at)
			continue
		}
		if refused := (*uploadError)(nil); errors.As(err, &refused) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second << try):
		}
		at, err = u.ask(ctx, http.MethodHead, 0)
	}
	if err == nil {
		err = errors.New("the fleet takes it in too many pieces")
	}
	return err
}

// uploadError is what no second try changes.
type uploadError struct{ text string }

func (e *uploadError) Error() string { return e.text }

// ask sends the rest of the file, or asks how much is there.
func (u *uploading) ask(ctx context.Context, method string, at int) (have int, err error) {
	var body io.Reader
	if method == http.MethodPut {
		body = countedBody{io.NopCloser(bytes.NewReader(u.data[at:])), u.spent, "upload"}
	}
	q, err := http.NewRequestWithContext(ctx, method, u.url, body)
	if err != nil {
		return 0, err
	}
	if body != nil {
		q.ContentLength = int64(len(u.data) - at)
	}
	q.Header.Set("Upload-Offset", strconv.Itoa(at))
	resp, err := u.client.Do(q)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		if resp.StatusCode == http.StatusNotFound {
			return 0, &uploadError{"the fleet has not got the record of this capture yet"}
		}
		var p struct{ Title string }
		_ = json.Unmarshal(text, &p) // the status alone says enough
		err = fmt.Errorf("upload: %s: %s", resp.Status, p.Title)
		if resp.StatusCode < 500 && resp.StatusCode != http.StatusConflict {
			return 0, &uploadError{err.Error()}
		}
		return 0, err
	}
	have, err = strconv.Atoi(resp.Header.Get("Upload-Offset"))
	if err == nil && (have < 0 || have > len(u.data)) {
		err = &uploadError{"upload: the fleet has another file"}
	}
	return have, err
}
