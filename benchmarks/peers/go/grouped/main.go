// Command grouped is the write service as one would build it in Go with all that Parley knows: fasthttp, the checks
// of the contract in its order, and group commit over pipelined connections with Parley's own append script.
package main

import (
	"bytes"
	"flag"
	"log"
	"regexp"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"peers/answers"
	"peers/options"
)

const (
	maxBodyBytes = 1 << 20
	queueEntries = 1 << 14
)

var requestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

type service struct {
	applications map[string]*application
	queue        chan *entry
	durability   string
}

func main() {
	connections := flag.Int("connections", 2, "how many connections to Redis carry batches")
	yields := flag.Bool("yields", false, "let others run before a batch is closed")
	scripts := flag.String("scripts", "", "the folder with Parley's Lua scripts")
	given := options.Parse()
	s := &service{known(given), make(chan *entry, queueEntries), given.Durability}
	if err := s.start(given.Redis, *scripts, *connections, *yields); err != nil {
		log.Fatal(err)
	}
	server := fasthttp.Server{Handler: s.handle, MaxRequestBodySize: maxBodyBytes, NoDefaultServerHeader: true}
	log.Fatal(server.ListenAndServe(given.Address))
}

func (s *service) start(redis, scripts string, connections int, yields bool) error {
	opening, err := newOpening(redis, scripts)
	if err != nil {
		return err
	}
	if err := opening.open(s.applications); err != nil {
		return err
	}
	heads, err := opening.load()
	if err != nil {
		return err
	}
	for range connections {
		committer, err := newCommitter(redis, heads, yields)
		if err != nil {
			return err
		}
		go committer.run(s.queue)
	}
	return nil
}

func (s *service) handle(ctx *fasthttp.RequestCtx) {
	began := time.Now()
	if ctx.IsGet() && string(ctx.Path()) == "/health" {
		return
	}
	id := string(ctx.Request.Header.Peek("X-Request-Id"))
	if id == "" || !requestID.MatchString(id) {
		id = answers.NewRequestID()
	}
	if problem := s.create(ctx); problem != nil {
		problem.answer(ctx, id)
	}
	headers := &ctx.Response.Header
	headers.Set("X-Request-Id", id)
	headers.Set("Server-Timing", answers.Spent(began))
}

// create answers a create of a message, or says why not; its checks stand in the contract's order.
func (s *service) create(ctx *fasthttp.RequestCtx) *problem {
	token, chat, isCreate := readPath(ctx.Path())
	if !isCreate {
		return &problem{404, "route_not_found", "Not found", nil}
	}
	if !ctx.IsPost() {
		return &problem{405, "method_not_allowed", "Method not allowed", nil}
	}
	key, problem := readHeaders(&ctx.Request.Header)
	if problem != nil {
		return problem
	}
	application := s.applications[string(token)]
	if application == nil {
		return notFound("application_not_found", "ChatApplication")
	}
	number, isNumber := readNumber(chat)
	if !isNumber || number >= uint64(len(application.scopes)) {
		return notFound("chat_not_found", "Chat")
	}
	what, problem := readDraft(ctx.PostBody())
	if problem != nil {
		return problem
	}
	return s.append(ctx, newEntry(application, number, what, key), what)
}

func newEntry(application *application, chat uint64, what draft, key string) *entry {
	e := &entry{application: application, chat: chat, key: key, outcome: make(chan outcome, 1)}
	if key != "" {
		e.fingerprint = fingerprint(application.token, chat, what)
	}
	size := 192 + len(what.body) + len(key)
	e.event = appendEvent(make([]byte, 0, size), application.token, chat, what, key, e.fingerprint)
	return e
}

// append waits for the entry's outcome and answers it.
func (s *service) append(ctx *fasthttp.RequestCtx, e *entry, what draft) *problem {
	s.queue <- e
	outcome := <-e.outcome
	switch outcome.code {
	case appended, replayed:
	case reused:
		return &problem{422, "idempotency_key_reused", "The key was used with another payload", nil}
	default:
		return &problem{503, "log_unavailable", "The log refused: " + strconv.Itoa(int(outcome.code)), nil}
	}
	createdAt := time.UnixMilli(outcome.ms).UTC().Format(answers.TimeLayout)
	headers := &ctx.Response.Header
	headers.SetContentType("application/json")
	headers.Set("Parley-Durability", s.durability)
	headers.Set("Location", answers.Location(string(ctx.Path()), outcome.number))
	if outcome.code == replayed {
		headers.Set("Idempotent-Replayed", "true")
	}
	ctx.SetStatusCode(fasthttp.StatusCreated)
	ctx.SetBody(appendMessage(make([]byte, 0, 128+len(what.body)), outcome.number, what, createdAt))
	return nil
}

// readPath takes /api/v1/{applications|chat_applications}/{token}/chats/{chat}/messages apart.
func readPath(path []byte) (token, chat []byte, isCreate bool) {
	rest, found := bytes.CutPrefix(path, []byte("/api/v1/applications/"))
	if !found {
		if rest, found = bytes.CutPrefix(path, []byte("/api/v1/chat_applications/")); !found {
			return nil, nil, false
		}
	}
	token, rest, _ = bytes.Cut(rest, []byte("/chats/"))
	chat, rest, _ = bytes.Cut(rest, []byte("/"))
	return token, chat, string(rest) == "messages"
}

func readNumber(text []byte) (uint64, bool) {
	if len(text) == 0 || text[0] < '1' || text[0] > '9' {
		return 0, false
	}
	number, err := strconv.ParseUint(string(text), 10, 63)
	return number, err == nil
}

func readHeaders(headers *fasthttp.RequestHeader) (string, *problem) {
	if encoding := headers.ContentEncoding(); len(encoding) > 0 && !bytes.EqualFold(encoding, []byte("identity")) {
		return "", &problem{415, "unsupported_media_type", "Content-Encoding must be identity", nil}
	}
	if headers.ContentLength() != 0 && !isJSON(headers.ContentType()) {
		return "", &problem{415, "unsupported_media_type", "Content-Type must be application/json", nil}
	}
	raw := headers.Peek("Idempotency-Key")
	if len(raw) == 0 {
		return "", nil
	}
	key, isKey := readKey(raw)
	if !isKey {
		return "", &problem{400, "invalid_idempotency_key", "Idempotency-Key must be 1 to 255 printable ASCII characters", nil}
	}
	return key, nil
}

func isJSON(declared []byte) bool {
	kind, parameters, _ := bytes.Cut(bytes.ToLower(declared), []byte(";"))
	charset := string(bytes.TrimSpace(parameters))
	return string(bytes.TrimSpace(kind)) == "application/json" && (charset == "" || charset == "charset=utf-8")
}
