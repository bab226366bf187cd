// Command dunlin-grpc speaks the Open Inference Protocol over gRPC in front of an
// agent's socket. It is a program of its own so that the agent stays small.
//
// Begin in [service], the table of its calls; wire.go has their messages. It
// keeps nothing: each call becomes one HTTP request to the socket, with the
// caller's token, and the agent decides who may what.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
)

// Limits of what clients send.
const (
	maxMessage = 16 << 20
	maxStreams = 32
	idle       = 5 * time.Minute
	handshake  = 5 * time.Second
)

const usage = `Usage: dunlin-grpc --socket FILE [--listen ADDRESS] [--cert FILE --key FILE]

Speaks the Open Inference Protocol over gRPC in front of a dunlin agent's socket
(serve.socket in agent.yaml). Callers send a token of serve.clients as the
metadata "authorization: Bearer TOKEN"; the socket would take anybody's word
otherwise.

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "dunlin-grpc:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	socket, listen, cert, key string
	anonymous                 bool
}

func parse(args []string) (*options, error) {
	o := &options{}
	fl := flag.NewFlagSet("dunlin-grpc", flag.ContinueOnError)
	fl.Usage = func() {
		fmt.Fprint(fl.Output(), usage)
		fl.PrintDefaults()
	}
	fl.StringVar(&o.socket, "socket", "", "the agent's socket")
	fl.StringVar(&o.listen, "listen", "127.0.0.1:8501", "address to listen on, host:port")
	fl.StringVar(&o.cert, "cert", "", "PEM file of a certificate, for TLS")
	fl.StringVar(&o.key, "key", "", "PEM file of its key")
	fl.BoolVar(&o.anonymous, "anonymous", false, "let whoever reaches --listen, which must be loopback, use what the socket lets this user use")
	if err := fl.Parse(args); err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(o.listen)
	switch {
	case o.socket == "":
		return nil, errors.New("no socket: name the agent's with --socket FILE")
	case err != nil:
		return nil, fmt.Errorf("--listen: %w", err)
	case !loopback(host) && (o.cert == "" || o.anonymous):
		return nil, fmt.Errorf("--listen %s can be reached from other machines: it wants --cert and --key, and no --anonymous", o.listen)
	}
	return o, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", o.listen)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "dunlin-grpc: on %s, in front of %s\n", l.Addr(), o.socket)
	return serve(ctx, l, o)
}

// serve answers on l until ctx ends.
func serve(ctx context.Context, l net.Listener, o *options) error {
	opts := []grpc.ServerOption{
		grpc.ForceServerCodec(codec{}), grpc.MaxRecvMsgSize(maxMessage), grpc.MaxConcurrentStreams(maxStreams), grpc.ConnectionTimeout(handshake),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: idle}),
	}
	if o.cert != "" {
		pair, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			return err
		}
		opts = append(opts, grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})))
	}
	s := grpc.NewServer(opts...)
	s.RegisterService(service(), newProxy(o.socket, o.anonymous))
	stopped := context.AfterFunc(ctx, func() {
		force := time.AfterFunc(handshake, s.Stop)
		defer force.Stop()
		s.GracefulStop()
	})
	defer stopped()
	return s.Serve(l)
}
