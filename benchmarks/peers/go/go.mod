module peers

go 1.24.0

require (
	github.com/go-json-experiment/json v0.0.0-20250725192818-e39067aee2d2
	github.com/gomodule/redigo v1.9.3
	github.com/tinylib/msgp v1.6.5
	github.com/valyala/fasthttp v1.70.0
	golang.org/x/crypto v0.48.0
)

require (
	github.com/andybalholm/brotli v1.2.1 // indirect
	github.com/klauspost/compress v1.18.5 // indirect
	github.com/philhofer/fwd v1.2.0 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	golang.org/x/sys v0.41.0 // indirect
)
