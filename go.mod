module github.com/dunlin-edge/dunlin

go 1.26.0

require (
	// Telemetry chunks: deterministic CBOR (RFC 8949) with a strict, limited decoder.
	github.com/fxamacker/cbor/v2 v2.10.0
	// Webhooks: retries with back-off over net/http.
	github.com/hashicorp/go-retryablehttp v0.7.8
	// Telemetry's file: transactions that survive a power cut, a size cap, one small dependency.
	go.etcd.io/bbolt v1.5.0
	// Strict configuration with line numbers; the smallest maintained YAML.
	go.yaml.in/yaml/v3 v3.0.6
	// BMP beside the standard image codecs.
	golang.org/x/image v0.47.0
	// Terminal and process system calls, CPU features.
	golang.org/x/sys v0.49.0
)

require (
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/x448/float16 v0.8.4 // indirect
)
