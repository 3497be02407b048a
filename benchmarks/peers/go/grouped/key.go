package main

// Idempotency-Key, and what a request under it is known by: src/parley/http/requests.py and creates.py say the same.

import (
	"regexp"
	"strconv"

	"golang.org/x/crypto/blake2b"
)

const route = "messages"

var (
	quotedKey = regexp.MustCompile(`^"((?:[ !#-\[\]-~]|\\["\\])*)"$`)
	keyEscape = regexp.MustCompile(`\\(.)`)
)

// readKey gives the key of the header's value, unquoted; false if it is none.
func readKey(raw []byte) (string, bool) {
	if raw[0] == '"' {
		quoted := quotedKey.FindSubmatch(raw)
		if quoted == nil {
			return "", false
		}
		raw = keyEscape.ReplaceAll(quoted[1], []byte("$1"))
	}
	return string(raw), isKey(raw)
}

func isKey(raw []byte) bool {
	for _, character := range raw {
		if character < ' ' || character > '~' {
			return false
		}
	}
	return 1 <= len(raw) && len(raw) <= 255
}

// fingerprint hashes the validated request, so that wrapped and flat bodies are the same one.
func fingerprint(token string, chat uint64, what draft) []byte {
	to := appendQuoted(append(make([]byte, 0, 512), `["POST","`+route+`",`...), token)
	to = strconv.AppendUint(append(to, ','), chat, 10)
	to = appendQuoted(append(to, `,{"body":`...), what.body)
	to = appendNullable(append(to, `,"sender":`...), what.sender)
	to = appendNullable(append(to, `,"metadata":`...), what.metadata)
	hash, _ := blake2b.New(16, nil)
	hash.Write(append(to, "}]"...))
	return hash.Sum(nil)
}

func appendNullable(to []byte, text *string) []byte {
	if text == nil {
		return append(to, "null"...)
	}
	return appendQuoted(to, *text)
}
