// Package options reads what every peer is told on its command line.
package options

import (
	"flag"
	"log"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// Options say where a peer listens, which Redis is its own, what it knows, and what it says about durability.
type Options struct {
	Address    string
	Redis      string
	Tokens     []string
	Chats      uint64
	Durability string
}

// Parse reads the flags, those that the caller has declared besides too.
func Parse() Options {
	port := flag.String("port", "", "the loopback port to listen on")
	redis := flag.String("redis", "127.0.0.1:6379", "HOST:PORT of a Redis that is this peer's alone")
	tokens := flag.String("tokens", "", "a file with the known applications' tokens, one a line")
	chats := flag.Uint64("chats", 1, "how many chats each application has")
	durability := flag.String("durability", "queued", "what the answers say: queued or relaxed")
	collection := flag.Int("gogc", 100, "how many per cent the heap may grow before it is collected")
	processors := flag.Int("gomaxprocs", 0, "how many threads run Go at once; 0 takes all processors")
	flag.Parse()
	debug.SetGCPercent(*collection)
	runtime.GOMAXPROCS(*processors)
	written, err := os.ReadFile(*tokens)
	if err != nil {
		log.Fatal(err)
	}
	return Options{"127.0.0.1:" + *port, *redis, strings.Fields(string(written)), *chats, *durability}
}
