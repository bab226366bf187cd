package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// TestTokens: callers' tokens go through, and nobody gets by without one on the
// word of this process.
func TestTokens(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch r.Header.Get("Authorization") {
		case "Bearer good":
			io.WriteString(w, "[]")
		case "":
			io.WriteString(w, `[{"name":"open"}]`)
		default:
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, `{"error":"no"}`)
		}
	})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	for _, tt := range []struct {
		name      string
		anonymous bool
		token     []string
		want      codes.Code
		asked     int64
	}{
		{"none", false, nil, codes.Unauthenticated, 0},
		{"another scheme", false, []string{"authorization", "Basic eDp5"}, codes.Unauthenticated, 0},
		{"another scheme, anonymous", true, []string{"authorization", "Basic eDp5"}, codes.Unauthenticated, 0},
		{"a bad one", false, []string{"authorization", "Bearer bad"}, codes.Unauthenticated, 1},
		{"a good one", false, []string{"authorization", "Bearer good"}, codes.OK, 1},
		{"anonymous", true, nil, codes.OK, 1},
	} {
		before := asked.Load()
		ctx := metadata.NewIncomingContext(context.Background(), metadata.Pairs(tt.token...))
		_, err := newProxy(socket, tt.anonymous).index(ctx, nil)
		if status.Code(err) != tt.want || asked.Load()-before != tt.asked {
			t.Errorf("%s: %v, asked %d times", tt.name, err, asked.Load()-before)
		}
	}
}

func TestCodes(t *testing.T) {
	for s, want := range map[int]codes.Code{400: codes.InvalidArgument, 403: codes.PermissionDenied, 404: codes.NotFound, 409: codes.FailedPrecondition, 429: codes.ResourceExhausted, 503: codes.Unavailable, 507: codes.ResourceExhausted, 500: codes.Internal} {
		if got := codeOf(s); got != want {
			t.Errorf("%d: %v, want %v", s, got, want)
		}
	}
	if _, err := newProxy("/nowhere", true).server(context.Background(), nil); status.Code(err) != codes.Unavailable {
		t.Errorf("no agent: %v", err)
	}
}
