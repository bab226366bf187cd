package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/dunlin-edge/dunlin/inference/oip"
)

// maxAnswer bounds what the agent answers.
const maxAnswer = oip.MaxBytes + 1<<20

// A proxy turns calls into requests to the agent's socket.
type proxy struct {
	http      *http.Client
	anonymous bool
}

func newProxy(socket string, anonymous bool) *proxy {
	return &proxy{anonymous: anonymous, http: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: maxStreams, IdleConnTimeout: time.Minute, DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}}}
}

// codeOf gives each status its code.
func codeOf(httpStatus int) codes.Code {
	switch httpStatus {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusUnsupportedMediaType, http.StatusRequestEntityTooLarge:
		return codes.InvalidArgument
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusNotFound:
		return codes.NotFound
	case http.StatusConflict:
		return codes.FailedPrecondition
	case http.StatusTooManyRequests, http.StatusInsufficientStorage:
		return codes.ResourceExhausted
	case http.StatusServiceUnavailable:
		return codes.Unavailable
	}
	return codes.Internal
}

// do sends one request with the caller's token. The error has a code.
func (p *proxy) do(ctx context.Context, method, path string, body []byte, header int) (answer []byte, length string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://device"+path, bytes.NewReader(body))
	if err != nil {
		return nil, "", status.Error(codes.InvalidArgument, err.Error())
	}
	md, _ := metadata.FromIncomingContext(ctx)
	switch token := md.Get("authorization"); {
	case len(token) > 0:
		req.Header.Set("Authorization", token[0])
		if !strings.HasPrefix(token[0], "Bearer ") { // the agent would not see it as one, and go by this process
			return nil, "", status.Error(codes.Unauthenticated, "authorization: want Bearer TOKEN")
		}
	case !p.anonymous:
		return nil, "", status.Error(codes.Unauthenticated, `send the metadata "authorization: Bearer TOKEN"`)
	}
	if header > 0 {
		req.Header.Set(oip.HeaderLength, strconv.Itoa(header))
	}
	resp, err := p.http.Do(req)
	if err != nil {
		return nil, "", status.Error(unreachable(ctx), "the agent: "+err.Error())
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, "", status.Error(unreachable(ctx), "the agent: "+err.Error())
	}
	if resp.StatusCode != http.StatusOK {
		var why struct{ Error string }
		_ = json.Unmarshal(answer, &why) // the code serves without it
		return nil, "", status.Error(codeOf(resp.StatusCode), why.Error)
	}
	return answer, resp.Header.Get(oip.HeaderLength), nil
}

func unreachable(ctx context.Context) codes.Code {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return codes.DeadlineExceeded
	}
	return codes.Unavailable
}

// get asks and reads JSON.
func (p *proxy) get(ctx context.Context, method, path string, body []byte, into any) error {
	answer, _, err := p.do(ctx, method, path, body, 0)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return status.Error(codes.Internal, "the agent: "+err.Error())
	}
	return nil
}

func modelPath(model, version string) string {
	p := "/v2/models/" + url.PathEscape(model)
	if version != "" {
		p += "/versions/" + url.PathEscape(version)
	}
	return p
}

func (p *proxy) live(context.Context, frame) (frame, error) { return appendBool(nil, 1, true), nil }

func (p *proxy) ready(ctx context.Context, _ frame) (frame, error) {
	resp, err := p.http.Get("http://device/v2/health/ready")
	if err != nil {
		return appendBool(nil, 1, false), nil
	}
	resp.Body.Close()
	return appendBool(nil, 1, resp.StatusCode == http.StatusOK), nil
}

func (p *proxy) modelReady(ctx context.Context, in frame) (frame, error) {
	name, version, err := decodeName(in)
	if err != nil {
		return nil, err
	}
	_, _, err = p.do(ctx, http.MethodGet, modelPath(name, version)+"/ready", nil, 0)
	switch status.Code(err) {
	case codes.OK, codes.NotFound, codes.InvalidArgument:
		return appendBool(nil, 1, err == nil), nil
	}
	return nil, err
}

func (p *proxy) server(ctx context.Context, _ frame) (frame, error) {
	var m struct {
		Name, Version string
		Extensions    []string
	}
	if err := p.get(ctx, http.MethodGet, "/v2", nil, &m); err != nil {
		return nil, err
	}
	out := appendText(appendText(nil, 1, m.Name), 2, m.Version)
	for _, x := range m.Extensions {
		out = appendText(out, 3, x)
	}
	return out, nil
}

func (p *proxy) model(ctx context.Context, in frame) (frame, error) {
	name, version, err := decodeName(in)
	if err != nil {
		return nil, err
	}
	var m oip.Metadata
	if err := p.get(ctx, http.MethodGet, modelPath(name, version), nil, &m); err != nil {
		return nil, err
	}
	out := appendText(nil, 1, m.Name)
	for _, v := range m.Versions {
		out = appendText(out, 2, v)
	}
	out = appendText(out, 3, m.Platform)
	for _, x := range m.Inputs {
		out = appendMessage(out, 4, appendHead(nil, x.Name, string(x.Datatype), x.Shape))
	}
	for _, x := range m.Outputs {
		out = appendMessage(out, 5, appendHead(nil, x.Name, string(x.Datatype), x.Shape))
	}
	return out, nil
}

func (p *proxy) infer(ctx context.Context, in frame) (frame, error) {
	q, err := decodeInfer(in)
	if err != nil {
		return nil, err
	}
	body, header := q.Append(nil)
	answer, length, err := p.do(ctx, http.MethodPost, modelPath(q.model, q.version)+"/infer", body, header)
	if err != nil {
		return nil, err
	}
	r, err := oip.DecodeResponse(answer, length)
	if err != nil {
		return nil, status.Error(codes.Internal, "the agent: "+err.Error())
	}
	return appendResponse(nil, r, q.wanted)
}

func (p *proxy) index(ctx context.Context, in frame) (frame, error) {
	ready, err := decodeReady(in)
	if err != nil {
		return nil, err
	}
	body := []byte("{}")
	if ready {
		body = []byte(`{"ready":true}`)
	}
	var list []struct{ Name, Version, State, Reason string }
	if err := p.get(ctx, http.MethodPost, "/v2/repository/index", body, &list); err != nil {
		return nil, err
	}
	var out frame
	for _, x := range list {
		out = appendMessage(out, 1, appendText(appendText(appendText(appendText(nil, 1, x.Name), 2, x.Version), 3, x.State), 4, x.Reason))
	}
	return out, nil
}

func (p *proxy) load(ctx context.Context, in frame) (frame, error) { return p.change(ctx, in, "load") }
func (p *proxy) unload(ctx context.Context, in frame) (frame, error) {
	return p.change(ctx, in, "unload")
}

// change loads or unloads.
func (p *proxy) change(ctx context.Context, in frame, verb string) (frame, error) {
	_, name, err := decodeName(in) // the first field is the repository, of which there is one
	if err == nil {
		_, _, err = p.do(ctx, http.MethodPost, "/v2/repository/models/"+url.PathEscape(name)+"/"+verb, nil, 0)
	}
	return nil, err
}
