// Package answers makes the header values that Parley sends, so that every peer sends as many bytes.
package answers

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"sync/atomic"
	"time"
)

// TimeLayout is how Parley writes times, in UTC.
const TimeLayout = "2006-01-02T15:04:05.000Z"

var (
	prefix  = newPrefix()
	numbers atomic.Uint64
)

func newPrefix() string {
	random := make([]byte, 4)
	rand.Read(random)
	return hex.EncodeToString(random)
}

// NewRequestID gives the value of X-Request-Id, unique as long as the prefix is.
func NewRequestID() string {
	return string(strconv.AppendUint([]byte(prefix), numbers.Add(1), 16))
}

// Spent gives the value of Server-Timing.
func Spent(began time.Time) string {
	ms := float64(time.Since(began).Microseconds()) / 1000
	return string(strconv.AppendFloat([]byte("app;dur="), ms, 'f', 2, 64))
}

// Location gives the address of what a POST to a path created.
func Location(path string, number uint64) string {
	return string(strconv.AppendUint(append([]byte(path), '/'), number, 10))
}
