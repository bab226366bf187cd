module github.com/dunlin-edge/dunlin

go 1.26.0

require (
	// Strict configuration with line numbers; the smallest maintained YAML.
	go.yaml.in/yaml/v3 v3.0.6
	// BMP and resampling interfaces beside the standard image codecs.
	golang.org/x/image v0.47.0
	// CPU features, terminal and file-lock system calls.
	golang.org/x/sys v0.49.0
)

require (
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
)
