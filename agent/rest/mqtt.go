package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/fleet"
)

// Bounds of requests over MQTT.
const (
	mqttRequests  = 16 // in hand at a time; further ones are refused
	mqttFirstWait = time.Second
	mqttLastWait  = time.Minute
)

// A messenger answers requests that come over a broker:
//
//	TOPIC/MODEL/request[/ID]  ->  TOPIC/MODEL/response[/ID]
//
// The payload is what POST /invocations takes: JSON of any dialect, a picture or
// a wav. MQTT 3.1.1 has no correlation data, so an id goes in the topic, in the
// JSON, or in both. A refusal is {"status": ..., "error": ...}.
type messenger struct {
	cfg     config.ServeMQTT
	handler http.Handler
	client  *client
	log     *slog.Logger
	tls     *tls.Config
	busy    chan struct{} // a token for each request in hand
}

func newMessenger(cfg *config.Serve, h http.Handler, log *slog.Logger) (*messenger, error) {
	if cfg.MQTT.Broker == "" {
		return nil, nil
	}
	m := &messenger{cfg: cfg.MQTT, handler: h, log: log.With("broker", cfg.MQTT.Broker), busy: make(chan struct{}, mqttRequests)}
	m.client = &client{ServeClient: config.ServeClient{Name: "mqtt", UID: -1, Models: cfg.MQTT.Models}, meter: newMeter(cfg.Rate)}
	if strings.HasPrefix(cfg.MQTT.Broker, "tcp:") {
		return m, nil
	}
	m.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.MQTT.CA != "" {
		pem, err := os.ReadFile(cfg.MQTT.CA)
		if err != nil {
			return nil, err
		}
		m.tls.RootCAs = x509.NewCertPool()
		if !m.tls.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: no certificate in it", cfg.MQTT.CA)
		}
	}
	return m, nil
}

// run keeps a connection until ctx ends.
func (m *messenger) run(ctx context.Context) {
	if m == nil {
		return
	}
	wait := mqttFirstWait
	for ctx.Err() == nil {
		began := time.Now()
		err := m.connected(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > mqttLastWait {
			wait = mqttFirstWait
		}
		m.log.Warn("requests over MQTT", "err", err, "again_in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
		wait = min(2*wait, mqttLastWait)
	}
}

// connected answers for as long as one connection lasts.
func (m *messenger) connected(ctx context.Context) error {
	var link *fleet.Link
	ready := make(chan struct{})
	link, err := fleet.Dial(ctx, fleet.LinkConfig{
		Broker: m.cfg.Broker, ClientID: m.cfg.ClientID, TLS: m.tls,
		Receive: func(r fleet.Message) {
			<-ready
			if !r.Retained { // nobody asks now
				m.receive(ctx, link, r.Topic, r.Payload)
			}
		},
	})
	if err != nil {
		return err
	}
	defer link.Close()
	close(ready)
	if err := link.Subscribe(ctx, m.cfg.Topic+"/+/request", m.cfg.Topic+"/+/request/+"); err != nil {
		return err
	}
	m.log.Info("answering requests over MQTT", "topic", m.cfg.Topic)
	select {
	case err := <-link.Lost():
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// receive starts a request, or refuses it where too many are in hand.
func (m *messenger) receive(ctx context.Context, link *fleet.Link, topic string, payload []byte) {
	model, answer, ok := m.route(topic)
	if !ok {
		return
	}
	select {
	case m.busy <- struct{}{}:
	default:
		link.Post(answer, refusal(http.StatusServiceUnavailable, "too many requests in hand"))
		return
	}
	go func() {
		defer func() { <-m.busy }()
		link.Post(answer, m.ask(ctx, model, payload))
	}()
}

// route reads a topic; answer is that of the response.
func (m *messenger) route(topic string) (model, answer string, ok bool) {
	rest, ours := strings.CutPrefix(topic, m.cfg.Topic+"/")
	parts := strings.Split(rest, "/")
	if !ours || len(parts) < 2 || len(parts) > 3 || parts[1] != "request" {
		return "", "", false
	}
	model = parts[0]
	parts[1] = "response"
	return model, m.cfg.Topic + "/" + strings.Join(parts, "/"), true
}

// clientKey is the context key of a client that is known already.
type clientKey struct{}

// ask gives a payload to the handler and returns its answer.
func (m *messenger) ask(ctx context.Context, model string, payload []byte) []byte {
	r, err := http.NewRequestWithContext(context.WithValue(ctx, clientKey{}, m.client), http.MethodPost, "/invocations", bytes.NewReader(payload))
	if err != nil {
		return refusal(http.StatusBadRequest, err.Error())
	}
	r.Header.Set(targetModel, model)
	r.Header.Set("Content-Type", "application/json")
	if kind := http.DetectContentType(payload); media(kind) != "" {
		r.Header.Set("Content-Type", kind)
	}
	w := &answered{status: http.StatusOK, header: http.Header{}}
	m.handler.ServeHTTP(w, r)
	if w.status == http.StatusOK {
		return w.body.Bytes()
	}
	var p problem
	_ = json.Unmarshal(w.body.Bytes(), &p) // the status serves without it
	return refusal(w.status, p.Error)
}

// refusal is what a request over MQTT gets in place of an answer.
func refusal(status int, text string) []byte {
	body, _ := json.Marshal(struct {
		Status int    `json:"status"`
		Error  string `json:"error"`
	}{status, text})
	return body
}

// answered is a response in memory.
type answered struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (w *answered) Header() http.Header         { return w.header }
func (w *answered) Write(b []byte) (int, error) { return w.body.Write(b) }
func (w *answered) WriteHeader(status int)      { w.status = status }
