package main

// A message as the contract wants it: src/parley/http/requests.py, fields.py and domain/text.py say the same.

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	bodyMaxBytes      = 65_535
	nameMaxCharacters = 255
	metadataMaxBytes  = 4_096
	deepest           = 64
	invisible         = "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u3164\ufeff\uffa0" +
		"\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e" +
		"\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f" +
		"\x1c\x1d\x1e\x1f"
)

// draft is a message that was validated and has no number yet.
type draft struct {
	body             string
	sender, metadata *string
}

type members struct {
	Message  jsontext.Value `json:"message"`
	Body     jsontext.Value `json:"body"`
	Sender   jsontext.Value `json:"sender"`
	Metadata jsontext.Value `json:"metadata"`
}

var lastWins = jsontext.AllowDuplicateNames(true)

// readDraft accepts the body of a request, or says what is wrong with it.
func readDraft(raw []byte) (draft, *problem) {
	var given members
	if !isObject(raw) || json.Unmarshal(raw, &given, lastWins) != nil || isDeep(raw) {
		return draft{}, malformed("The body is not a JSON object of at most 64 levels")
	}
	if given.Message != nil {
		wrapped := given.Message
		given = members{}
		if !isObject(wrapped) || json.Unmarshal(wrapped, &given, lastWins) != nil {
			return draft{}, malformed("message must be a JSON object")
		}
	}
	errors := map[string][]string{}
	made := draft{readBody(given.Body, errors), readSender(given.Sender, errors), readMetadata(given.Metadata, errors)}
	if len(errors) > 0 {
		return draft{}, invalid(errors)
	}
	return made, nil
}

func isObject(raw []byte) bool { return jsontext.Value(bytes.TrimLeft(raw, " \t\r\n")).Kind() == '{' }

func isNull(value jsontext.Value) bool { return value == nil || value.Kind() == 'n' }

// isDeep walks only through what has brackets enough to be too deep.
func isDeep(raw []byte) bool {
	if bytes.Count(raw, []byte("["))+bytes.Count(raw, []byte("{")) <= deepest {
		return false
	}
	decoder := jsontext.NewDecoder(bytes.NewReader(raw), lastWins)
	for {
		if _, err := decoder.ReadToken(); err != nil {
			return false
		}
		if decoder.StackDepth() > deepest {
			return true
		}
	}
}

func readText(value jsontext.Value, name string, errors map[string][]string) (string, bool) {
	if value.Kind() != '"' {
		errors[name] = []string{"must be a string"}
		return "", false
	}
	text, _ := jsontext.AppendUnquote(nil, value)
	return string(text), true
}

func readBody(value jsontext.Value, errors map[string][]string) string {
	if isNull(value) {
		errors["body"] = []string{"can't be blank"}
		return ""
	}
	text, isText := readText(value, "body", errors)
	switch {
	case !isText:
	case isBlank(text):
		errors["body"] = []string{"can't be blank"}
	case strings.Contains(text, "\x00"):
		errors["body"] = []string{"can't contain NUL"}
	case len(text) > bodyMaxBytes:
		errors["body"] = []string{"is too long (maximum is " + strconv.Itoa(bodyMaxBytes) + " bytes)"}
	}
	return text
}

func readSender(value jsontext.Value, errors map[string][]string) *string {
	if isNull(value) {
		return nil
	}
	text, isText := readText(value, "sender", errors)
	switch {
	case !isText:
	case utf8.RuneCountInString(text) > nameMaxCharacters:
		errors["sender"] = []string{"is too long (maximum is " + strconv.Itoa(nameMaxCharacters) + " characters)"}
	case strings.Contains(text, "\x00"):
		errors["sender"] = []string{"can't contain NUL"}
	}
	return &text
}

func readMetadata(value jsontext.Value, errors map[string][]string) *string {
	if isNull(value) {
		return nil
	}
	if value.Kind() != '{' {
		errors["metadata"] = []string{"must be an object"}
		return nil
	}
	value.Compact(lastWins) // it was read already
	switch {
	case len(value) > metadataMaxBytes:
		errors["metadata"] = []string{"is too long (maximum is " + strconv.Itoa(metadataMaxBytes) + " bytes)"}
	case bytes.Contains(value, []byte(`\u0000`)) && holdsNul(value):
		errors["metadata"] = []string{"can't contain NUL"}
	}
	text := string(value)
	return &text
}

func holdsNul(value jsontext.Value) bool {
	decoder := jsontext.NewDecoder(bytes.NewReader(value), lastWins)
	for {
		token, err := decoder.ReadToken()
		if err != nil {
			return false
		}
		if token.Kind() == '"' && strings.Contains(token.String(), "\x00") {
			return true
		}
	}
}

func isBlank(text string) bool {
	if text != "" && text[0] < utf8.RuneSelf && (unicode.IsLetter(rune(text[0])) || unicode.IsDigit(rune(text[0]))) {
		return false
	}
	for _, character := range text {
		if !unicode.IsSpace(character) && !strings.ContainsRune(invisible, character) {
			return false
		}
	}
	return true
}

// appendMessage writes what the answer to a create shows.
func appendMessage(to []byte, number uint64, what draft, createdAt string) []byte {
	to = strconv.AppendUint(append(to, `{"number":`...), number, 10)
	to = appendQuoted(append(to, `,"body":`...), what.body)
	if what.sender != nil {
		to = appendQuoted(append(to, `,"sender":`...), *what.sender)
	}
	if what.metadata != nil {
		to = append(append(to, `,"metadata":`...), *what.metadata...)
	}
	return append(append(append(to, `,"created_at":"`...), createdAt...), `"}`...)
}

// appendQuoted writes text that is known to be UTF-8.
func appendQuoted(to []byte, text string) []byte {
	to, _ = jsontext.AppendQuote(to, text)
	return to
}
