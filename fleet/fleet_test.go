package fleet

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden documents")

// key is for tests: its seed is no secret.
var (
	key    = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	public = key.Public().(ed25519.PublicKey)
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func sampleDesired() Desired {
	return Desired{Device: "pi-1", Fleet: "plant", Seq: Seq{3, 17}, NotAfter: noon, Items: []Item{{Slot: "machine", Target: "models/machine/2.0.0/machine.dunlin", Length: 81920, SHA256: strings.Repeat("0f", 32)}}}
}

func sampleAck() Ack { return Ack{Device: "pi-1", Epoch: 9, Hi: 100, Ranges: []Range{{120, 30}}} }

func sampleCommand() Command {
	return Command{Device: "pi-1", ID: "0123abcd", NotAfter: noon, Name: "log-level", Args: json.RawMessage(`{"level":"debug"}`)}
}

func golden(t *testing.T, name string, data []byte, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	path := "testdata/" + name + ".json"
	if *update {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(want, data) {
		t.Errorf("%s: got %s, want %s: %v", name, data, want, err)
	}
}

// TestGolden pins what crosses the wire: a change here breaks devices that are
// out there.
func TestGolden(t *testing.T) {
	boot := strings.Repeat("5a", 16)
	data, err := Encode(Hello{Boot: boot, Conn: 2, Epoch: 9, Lo: 5, Next: 150, Seq: Seq{3, 17}})
	golden(t, "hello", data, err)
	data, err = Encode(Status{Online: true, Boot: boot, Conn: 2})
	golden(t, "status", data, err)
	data, err = Encode(Reported{
		Version: "0.1.0", Board: Board{"Raspberry Pi 5 Model B Rev 1.0", "arm64", 4, 8 << 30, "dotprod"}, Labels: map[string]string{"site": "north"}, Seq: Seq{3, 17},
		Pipelines: []PipelineReported{{Name: "machine", Bundle: "machine", Version: "1.0.0", Digest: strings.Repeat("0f", 32), State: "running", Rate: 6.2, P95: 242, Label: "normal", Windows: 100, Labels: 4}},
	})
	golden(t, "reported", data, err)
	data, err = Encode(Result{ID: "0123abcd", State: StateDone, Output: json.RawMessage(`{"pong":true}`)})
	golden(t, "result", data, err)
	data, err = Sign(key, sampleDesired())
	golden(t, "desired", data, err)
	data, err = Sign(key, sampleAck())
	golden(t, "ack", data, err)
	data, err = Sign(key, sampleCommand())
	golden(t, "command", data, err)
}

func TestVerify(t *testing.T) {
	data, err := Sign(key, sampleDesired())
	if err != nil {
		t.Fatal(err)
	}
	got, err := Verify[Desired](public, data)
	if err != nil || got.Items[0] != sampleDesired().Items[0] || !got.NotAfter.Equal(noon) {
		t.Fatalf("%+v, %v", got, err)
	}
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32)).Public().(ed25519.PublicKey)
	if _, err := Verify[Desired](other, data); !errors.Is(err, errSignature) {
		t.Errorf("another key: %v", err)
	}
	if _, err := Verify[Desired](nil, data); !errors.Is(err, errSignature) {
		t.Errorf("no key: %v", err)
	}
	if _, err := Verify[Command](public, data); !errors.Is(err, errSignature) {
		t.Errorf("as another type: %v", err)
	}
	for i := range data { // no byte of it may change and still say something else
		bad := bytes.Clone(data)
		bad[i] ^= 1
		if d, err := Verify[Desired](public, bad); err == nil && d.Seq != got.Seq {
			t.Errorf("byte %d changed: %+v", i, d)
		}
	}
}

// signRaw signs a payload that Sign would refuse.
func signRaw(payloadType, payload string) []byte {
	sig := ed25519.Sign(key, preAuth(payloadType, []byte(payload)))
	data, _ := json.Marshal(envelope{payloadType, []byte(payload), []signature{{"", sig}}})
	return data
}

// TestStrict: signed is not enough, a document has one form.
func TestStrict(t *testing.T) {
	good := `{"device":"pi-1","id":"a","not_after":"2026-11-24T12:00:00Z","name":"ping"}`
	typ := Command{}.payloadType()
	if _, err := Verify[Command](public, signRaw(typ, good)); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"unknown key":   strings.Replace(good, `"name"`, `"exec":"rm","name"`, 1),
		"repeated key":  strings.Replace(good, `"name"`, `"name":"reboot","name"`, 1),
		"other case":    strings.Replace(good, `"name"`, `"Name"`, 1),
		"blank":         strings.Replace(good, `,`, `, `, 1),
		"trailing":      good + `{}`,
		"fraction":      strings.Replace(good, `00Z`, `00.5Z`, 1),
		"zone":          strings.Replace(good, `00Z`, `00+01:00`, 1),
		"device":        strings.Replace(good, `pi-1`, `pi/1`, 1),
		"no id":         strings.Replace(good, `"a"`, `""`, 1),
		"null":          `null`,
		"an array":      `[]`,
		"path name":     strings.Replace(good, `ping`, `../ping`, 1),
		"deeply nested": `{"args":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`,
	} {
		if c, err := Verify[Command](public, signRaw(typ, bad)); err == nil {
			t.Errorf("%s: accepted as %+v", name, c)
		}
	}
}

// TestWatchIsBounded: no document keeps a device at sealing every few seconds for
// longer than minutes.
func TestWatchIsBounded(t *testing.T) {
	for watch, good := range map[string]bool{"300": true, "301": false, "-1": false, "1e9": false} {
		a, err := Verify[Ack](public, signRaw(Ack{}.payloadType(), `{"device":"pi-1","epoch":9,"hi":100,"watch":`+watch+`}`))
		if (err == nil) != good {
			t.Errorf("%s: %+v, %v", watch, a, err)
		}
	}
}

// TestTuningIsStrict: what a broker's operator, or a stolen key, would put into
// an assignment beside captures has no place in it. The device takes none of it,
// not even what is good in it.
func TestTuningIsStrict(t *testing.T) {
	d := sampleDesired()
	d.Tuning = &Tuning{Captures: map[string]CaptureTuning{"machine": {Below: 0.5, MinInterval: 60000}}}
	data, err := Sign(key, d)
	golden(t, "tuning", data, err)
	got, err := Verify[Desired](public, data)
	if err != nil || got.Tuning.Digest() != d.Tuning.Digest() {
		t.Fatalf("%+v, %v", got, err)
	}
	good, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	const at = `"below":0.5`
	for name, more := range map[string]string{
		"a program": at + `,"exec":["/bin/sh"]`, "a driver": at + `,"driver":"camera"`, "an address": at + `,"url":"https://evil"`, "an authority": at + `,"ca":"x"`,
		"more than all": `"below":1.5`, "not a number": `"below":null`, "a negative one": `"every":-1`, "a program beside": at + `}},"actions":{"machine":{"exec":["/bin/sh"]`,
	} {
		if x, err := Verify[Desired](public, signRaw(d.payloadType(), strings.Replace(string(good), at, more, 1))); err == nil {
			t.Errorf("%s: accepted as %+v", name, x.Tuning)
		}
	}
	if _, err := Verify[Desired](public, good); err == nil {
		t.Error("accepted without an envelope")
	}
}

// TestTuningOfAll pins what a tuning can hold and refuses what is beyond it.
func TestTuningOfAll(t *testing.T) {
	d := sampleDesired()
	d.Tuning = &Tuning{Captures: map[string]CaptureTuning{"machine": {Every: 100}}, Enter: map[string]EnterTuning{"machine": {Bundle: "machine@1.0.0", Score: 0.8}}, Health: 60_000}
	data, err := Sign(key, d)
	golden(t, "tuning_all", data, err)
	if got, err := Verify[Desired](public, data); err != nil || got.Tuning.Digest() != d.Tuning.Digest() {
		t.Fatalf("%+v, %v", got, err)
	}
	for text, ok := range map[string]bool{
		`{"health_ms": 10000}`: true, `{"enter": {"m": {"bundle": "m@1", "score": 1}}}`: true,
		`{}`: false, `{"enter": {}}`: false, `{"health_ms": 9999}`: false, `{"health_ms": 86400001}`: false, `{"health_ms": -1}`: false, `{"health_ms": 1e99}`: false,
		`{"enter": {"m": {"score": 0.5}}}`: false, `{"enter": {"m": {"bundle": "m", "score": 0.5}}}`: false, `{"enter": {"m": {"bundle": "m@", "score": 0.5}}}`: false, `{"enter": {"m": {"bundle": "m@` + strings.Repeat("1", 5000) + `", "score": 0.5}}}`: false,
		`{"enter": {"m": {"bundle": "m@1", "score": 0}}}`: false, `{"enter": {"m": {"bundle": "m@1", "score": 1.1}}}`: false, `{"enter": {"m": {"bundle": "m@1", "score": -1}}}`: false,
		`{"enter": {"../m": {"bundle": "m@1", "score": 0.5}}}`: false, `{"enter": {"m": {"bundle": "m@1", "score": 0.5, "exec": ["/bin/sh"]}}}`: false,
		`{"telemetry": {"dir": "/"}}`: false,
	} {
		if _, err := ParseTuning([]byte(text)); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := Decode[Reported]([]byte(`{"version": "1", "board": {}, "tunable": {"enter": {"` + strings.Repeat("x", 5000) + `": {}}}}`)); err == nil {
		t.Error("a report with a pipeline of 5000 letters was taken")
	}
}

func TestUnsigned(t *testing.T) {
	c, err := parseUnsigned([]byte(` { "name" : "ping" } `))
	if err != nil || c.Name != "ping" {
		t.Errorf("%+v, %v", c, err)
	}
	for _, bad := range []string{``, `{}`, `{"name":"ping","exec":"x"}`, `{"name":"ping"}x`, `[]`} {
		if _, err := parseUnsigned([]byte(bad)); err == nil {
			t.Errorf("%q: accepted", bad)
		}
	}
}

func TestTopics(t *testing.T) {
	topics := Topics{DefaultPrefix}
	for topic, ok := range map[string]bool{
		"dunlin/v1/pi-1/up": true, "dunlin/v1/pi-1/desired": true, "dunlin/v1/pi-1/exec": false, "dunlin/v1/pi-1/up/x": false,
		"dunlin/v1//up": false, "dunlin/v1/Pi/up": false, "dunlin/v2/pi-1/up": false, "dunlin/v1/+/up": false, "": false, "/": false,
	} {
		device, n, got := topics.Parse(topic)
		if got != ok || ok && topics.Of(device, n) != topic {
			t.Errorf("%q: %s %s %v", topic, device, n, got)
		}
	}
	for _, bad := range []string{"", "/a", "a/", "a/#", "+", "$SYS", "a b", strings.Repeat("a", 200)} {
		if CheckPrefix(bad) == nil {
			t.Errorf("prefix %q accepted", bad)
		}
	}
}

func TestSeq(t *testing.T) {
	if !(Seq{2, 0}).Newer(Seq{1, 9}) || (Seq{1, 9}).Newer(Seq{1, 9}) || !(Seq{1, 10}).Newer(Seq{1, 9}) {
		t.Error("order")
	}
	for _, bad := range []string{"", "1", "1.", ".1", "01.2", "1.+2", "1.2.3", "-1.2", "4294967296.1"} {
		if new(Seq).UnmarshalText([]byte(bad)) == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}

func TestToken(t *testing.T) {
	tok := Token{Secret: [16]byte{1, 2}, CA: [32]byte{3}}
	got, err := ParseToken(" " + tok.String() + "\n")
	if err != nil || got != tok {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := ParseToken(tok.String()[:60]); err == nil {
		t.Error("a cut token is accepted")
	}
}

func FuzzDown(f *testing.F) {
	for _, name := range []string{"desired", "ack", "command"} {
		data, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		var e envelope
		if err := json.Unmarshal(data, &e); err != nil {
			f.Fatal(err)
		}
		f.Add(string(e.Payload))
	}
	f.Fuzz(func(t *testing.T, payload string) {
		exact(t, Desired{}, payload)
		exact(t, Ack{}, payload)
		exact(t, Command{}, payload)
	})
}

// exact checks that what passes comes out of Sign as it went in.
func exact[D Down](t *testing.T, zero D, payload string) {
	doc, err := Verify[D](public, signRaw(zero.payloadType(), payload))
	if err != nil {
		return
	}
	data, err := Sign(key, doc)
	if err != nil {
		t.Fatalf("verified but not signed: %v", err)
	}
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil || string(e.Payload) != payload {
		t.Fatalf("%s became %s", payload, e.Payload)
	}
}

func FuzzEnvelope(f *testing.F) {
	data, _ := Sign(key, sampleAck())
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		if a, err := Verify[Ack](public, data); err == nil {
			if _, err := Sign(key, a); err != nil {
				t.Fatalf("verified, but cannot be signed again: %v", err)
			}
		}
	})
}

func FuzzUp(f *testing.F) {
	for _, name := range []string{"hello", "status", "reported", "result"} {
		data, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		again(t, data, Decode[Hello])
		again(t, data, Decode[Status])
		again(t, data, Decode[Reported])
		again(t, data, Decode[Result])
	})
}

func again[D Up](t *testing.T, data []byte, decode func([]byte) (D, error)) {
	doc, err := decode(data)
	if err != nil {
		return
	}
	if out, err := Encode(doc); err == nil {
		if _, err := decode(out); err != nil {
			t.Fatalf("%s was encoded but is refused: %v", out, err)
		}
	}
}
