package main

// What goes into Parley's append script and what comes back. Of all files here this one alone knows its format:
// src/parley/log/redis/lua/append.lua, packing.py, entries.py and scripts.py say the same.

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/tinylib/msgp/msgp"
	"golang.org/x/crypto/blake2b"
)

const (
	prefix        = "parley"
	partitions    = 4
	epoch         = "1"
	firstStamp    = 1 << 28 // of epoch 1
	keyTTL        = 24 * 60 * 60 * 1000
	endlessGrant  = 1<<32 - 1
	scriptVersion = 1
	shebang       = "#!lua\n"
	outcomeBytes  = 1 + 4 + 8 + 4
)

// The codes of outcomes that can come back to a create of a message here.
const (
	appended = 0
	replayed = 1
	reused   = 4
)

// outcome is what became of an entry.
type outcome struct {
	code   byte
	number uint64
	ms     int64
}

func partitionOf(token string) int {
	hash, _ := blake2b.New(8, nil)
	hash.Write([]byte(token))
	return int(binary.BigEndian.Uint64(hash.Sum(nil)) % partitions)
}

func tagOf(partition int) string { return fmt.Sprintf("{%s:%d}", prefix, partition) }

// keysOf names the keys that the append script takes.
func keysOf(partition int, writer string) []string {
	tag := tagOf(partition)
	start := tag + ":" + epoch
	return []string{
		tag + ":epoch", start + ":meta", start + ":scopes", start + ":keys:a", start + ":keys:b", start + ":log",
		start + ":writer:" + writer,
	}
}

// lifeScript puts in front of a script the line that names a life of a partition, and gives its digest too.
func lifeScript(name, script string, partition int, run string) (text, digest string) {
	head := fmt.Sprintf("-- parley %s %d, partition %s, epoch %s, run %s\n", name, scriptVersion, tagOf(partition), epoch, run)
	text = shebang + head + strings.TrimPrefix(script, shebang)
	sum := sha1.Sum([]byte(text))
	return text, hex.EncodeToString(sum[:])
}

// appendEvent writes the entry in MessagePack, as msgspec does.
func appendEvent(to []byte, token string, chat uint64, what draft, key string, fingerprint []byte) []byte {
	to = msgp.AppendMapHeader(to, 5)
	to = msgp.AppendString(msgp.AppendString(to, "token"), token)
	to = msgp.AppendUint64(msgp.AppendString(to, "chat"), chat)
	to = msgp.AppendMapHeader(msgp.AppendString(to, "what"), 2)
	to = msgp.AppendString(msgp.AppendString(to, "type"), "messages_posted")
	to = msgp.AppendArrayHeader(msgp.AppendString(to, "messages"), 1)
	to = msgp.AppendMapHeader(to, 3)
	to = msgp.AppendString(msgp.AppendString(to, "body"), what.body)
	to = appendOptional(msgp.AppendString(to, "sender"), what.sender)
	to = appendOptional(msgp.AppendString(to, "metadata"), what.metadata)
	to = msgp.AppendNil(msgp.AppendString(to, "number"))
	to = msgp.AppendString(to, "key")
	if key == "" {
		return msgp.AppendNil(to)
	}
	to = msgp.AppendMapHeader(to, 3)
	to = msgp.AppendString(msgp.AppendString(to, "route"), route)
	to = msgp.AppendString(msgp.AppendString(to, "key"), key)
	return msgp.AppendBytes(msgp.AppendString(to, "fingerprint"), fingerprint)
}

func appendOptional(to []byte, text *string) []byte {
	if text == nil {
		return msgp.AppendNil(to)
	}
	return msgp.AppendString(to, *text)
}

// names gives each name an index from 1, in order.
type names struct {
	index map[string]uint32
	order []string
}

func (n *names) add(name string) uint32 {
	index, known := n.index[name]
	if !known {
		n.order = append(n.order, name)
		index = uint32(len(n.order))
		n.index[name] = index
	}
	return index
}

func (n *names) clear() {
	clear(n.index)
	n.order = n.order[:0]
}

// packed is one partition's share of a batch.
type packed struct {
	head         []string // EVALSHA, digest, keys and epoch
	sequence     uint64
	scopes, keys names
	entries      []*entry
	packed       []byte
}

func (p *packed) add(e *entry) {
	application, chat := p.scopes.add(e.application.token), p.scopes.add(e.application.scopes[e.chat])
	size, key := 21+len(e.event), uint32(0)
	if e.key != "" {
		size += 24
		key = p.keys.add(e.application.token + "\x00" + route + "\x00" + e.key)
	}
	to := appendBulkHead(p.packed, size)
	to = append(to, 'm')
	to = binary.BigEndian.AppendUint32(to, application)
	to = binary.BigEndian.AppendUint32(to, chat)
	to = binary.BigEndian.AppendUint64(to, 1)
	to = binary.BigEndian.AppendUint32(to, key)
	if key != 0 {
		to = append(to, e.fingerprint...)
		to = binary.BigEndian.AppendUint64(to, 0) // nobody vouches: here all keys are known
	}
	p.packed = append(append(to, e.event...), "\r\n"...)
	p.entries = append(p.entries, e)
}

// appendCall writes the command that appends the share.
func (p *packed) appendCall(to []byte) []byte {
	p.sequence++
	counts := [...]uint64{p.sequence, keyTTL, uint64(len(p.scopes.order)), uint64(len(p.keys.order))}
	to = appendArrayHead(to, len(p.head)+len(counts)+len(p.scopes.order)+len(p.keys.order)+len(p.entries))
	for _, text := range p.head {
		to = appendBulk(to, text)
	}
	for _, count := range counts {
		to = appendBulk(to, strconv.FormatUint(count, 10))
	}
	for _, name := range p.scopes.order {
		to = appendBulk(to, name)
	}
	for _, name := range p.keys.order {
		to = appendBulk(to, name)
	}
	return append(to, p.packed...)
}

// readOutcomes tells each entry what became of it.
func (p *packed) readOutcomes(reply []byte) error {
	if len(reply) != outcomeBytes*len(p.entries) {
		return fmt.Errorf("the append script says %q", reply)
	}
	for i, e := range p.entries {
		one := reply[i*outcomeBytes:]
		number, ms := binary.BigEndian.Uint32(one[1:]), binary.BigEndian.Uint64(one[5:])
		e.outcome <- outcome{one[0], uint64(number), int64(ms)}
	}
	return nil
}

func (p *packed) clear() {
	p.scopes.clear()
	p.keys.clear()
	p.entries, p.packed = p.entries[:0], p.packed[:0]
}
