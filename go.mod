module github.com/dunlin-edge/dunlin

go 1.26.0

require (
	// The device's and the controller's MQTT 3.1.1 client.
	github.com/eclipse/paho.mqtt.golang v1.5.1
	// Telemetry chunks: deterministic CBOR (RFC 8949) with a strict, limited decoder.
	github.com/fxamacker/cbor/v2 v2.10.0
	// Webhooks: retries with back-off over net/http.
	github.com/hashicorp/go-retryablehttp v0.7.8
	// Postgres for controllers that share a database.
	github.com/jackc/pgx/v5 v5.13.0
	// Writes and checks a new agent binary; the commit is our rename.
	github.com/minio/selfupdate v0.6.0
	// The controller's embedded broker, in a process of its own.
	github.com/mochi-mqtt/server/v2 v2.7.9
	// The controller's migrations.
	github.com/pressly/goose/v3 v3.29.0
	// Canonical JSON, the bytes that TUF signs, on the publisher's side.
	github.com/secure-systems-lab/go-securesystemslib v0.11.0
	// dunlin-fleet's commands.
	github.com/spf13/cobra v1.10.2
	// Makes and signs The Update Framework's metadata on the publisher's side, and judges the device's own verifier in tests.
	github.com/theupdateframework/go-tuf/v2 v2.4.2
	// Serial ports: odd rates, exclusive use, reads that time out.
	go.bug.st/serial v1.8.0
	// Telemetry's file: transactions that survive a power cut, a size cap, one small dependency.
	go.etcd.io/bbolt v1.5.0
	// Strict configuration with line numbers; the smallest maintained YAML.
	go.yaml.in/yaml/v3 v3.0.6
	// Argon2id for the passwords of people who use the console.
	golang.org/x/crypto v0.58.0
	// BMP beside the standard image codecs.
	golang.org/x/image v0.47.0
	// Compares semantic versions.
	golang.org/x/mod v0.43.0
	golang.org/x/net v0.61.0
	// Terminal and process system calls, CPU features.
	golang.org/x/sys v0.49.0
	// Asks for a password without showing it.
	golang.org/x/term v0.47.0
	// The controller's database, without cgo.
	modernc.org/sqlite v1.61.1
	// The words for I2C and SPI that drivers of chips are written against; 20 KB in the agent.
	periph.io/x/conn/v3 v3.7.3
	// Drivers of slow sensors, behind one adapter; in tests they judge the register-level fakes.
	periph.io/x/devices/v3 v3.7.4
)

require (
	// The log's way into the journal, with fields; by systemd.
	github.com/systemd/slog-journal v0.1.2
	// SavedModels, behind the tag tensorflow; nothing else downloads it.
	github.com/tensorflow/tensorflow v2.1.0+incompatible
	// dunlin-grpc, a program of its own.
	google.golang.org/grpc v1.85.0
	// Its messages, field by field; in tests it reads what the agent says in Sparkplug.
	google.golang.org/protobuf v1.36.12
)

require (
	aead.dev/minisign v0.2.0 // indirect
	github.com/dustin/go-humanize v1.1.0 // indirect
	github.com/google/go-containerregistry v0.20.7 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/gorilla/websocket v1.5.3 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/mfridman/interpolate v0.0.2 // indirect
	github.com/ncruces/go-strftime v1.1.0 // indirect
	github.com/opencontainers/go-digest v1.0.0 // indirect
	github.com/remyoudompheng/bigfft v0.0.0-20230129092748-24d4a6f8daec // indirect
	github.com/rs/xid v1.4.0 // indirect
	github.com/sethvargo/go-retry v0.5.0 // indirect
	github.com/sigstore/protobuf-specs v0.5.0 // indirect
	github.com/sigstore/sigstore v1.10.6 // indirect
	github.com/spf13/pflag v1.0.10 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	go.uber.org/multierr v1.11.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20261005182115-fad411399dd8 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20261005182115-fad411399dd8 // indirect
	gopkg.in/yaml.v3 v3.0.1 // indirect
	modernc.org/libc v1.79.0 // indirect
	modernc.org/mathutil v1.7.1 // indirect
	modernc.org/memory v1.12.1 // indirect
)
