package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// client speaks to the controller whose state folder it was given.
type client struct{ base, token, devices string }

func newClient(cmd *cobra.Command) (*client, error) {
	dir, _ := cmd.Flags().GetString("dir")
	read := func(name string) (string, error) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		return strings.TrimSpace(string(data)), err
	}
	base, err := read("api.url")
	if err != nil {
		return nil, &hinted{fmt.Errorf("find the controller: %w", err), "start it with: dunlin-fleet serve --dir " + dir + "  or name its state folder with --dir"}
	}
	token, err := read("admin.token")
	if err != nil {
		return nil, &hinted{fmt.Errorf("find the controller: %w", err), "run this as the user that owns " + dir}
	}
	devices, err := read("devices.url")
	return &client{base, token, devices}, err
}

// do sends one request and reads its answer into v.
func (c *client) do(ctx context.Context, method, path string, body, v any) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	data, err := encode(body)
	if err != nil {
		return err
	}
	q, err := http.NewRequestWithContext(ctx, method, c.base+"/api/v1"+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	q.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		return &hinted{fmt.Errorf("ask the controller: %w", err), "is it running? dunlin-fleet serve"}
	}
	defer resp.Body.Close()
	if data, err = io.ReadAll(io.LimitReader(resp.Body, 64<<20)); err != nil {
		return fmt.Errorf("ask the controller: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return json.Unmarshal(data, v)
	}
	var p struct{ Title, Hint string }
	if json.Unmarshal(data, &p) != nil || p.Title == "" {
		p.Title = resp.Status
	}
	return &hinted{errors.New(p.Title), p.Hint}
}

// open begins to read an answer that is no JSON and may be long.
func (c *client) open(ctx context.Context, path string) (io.ReadCloser, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/api/v1"+path, nil)
	if err != nil {
		return nil, err
	}
	q.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, &hinted{fmt.Errorf("ask the controller: %w", err), "is it running? dunlin-fleet serve"}
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, c.do(ctx, http.MethodGet, path, nil, &struct{}{}) // words the problem
	}
	return resp.Body, nil
}

// save writes such an answer to w.
func (c *client) save(ctx context.Context, path string, w io.Writer) error {
	from, err := c.open(ctx, path)
	if err != nil {
		return err
	}
	defer from.Close()
	_, err = io.Copy(w, from)
	return err
}

// encode writes a body. What has no value is left out, as the interface wants it.
func encode(body any) ([]byte, error) {
	data, err := json.Marshal(body)
	if err != nil || body == nil {
		return nil, err
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return nil, err
	}
	for k, v := range keys {
		if string(v) == "null" {
			delete(keys, k)
		}
	}
	return json.Marshal(keys)
}

// printJSON is what --json does.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// ago words an age in at most five characters.
func ago(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	switch d := time.Since(t); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}
