// Command usual is the usual design of a write service: net/http, INCR for the number, LPUSH of a JSON job.
//
// It checks as little as such services do: the JSON decodes and the body is not empty. The token is not looked up,
// and the two commands are two round trips: what fails between them leaves a number without a message.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"net/http"
	"strconv"
	"time"

	"github.com/gomodule/redigo/redis"

	"peers/answers"
	"peers/options"
)

const (
	jobs         = "jobs"
	maxBodyBytes = 1 << 20
)

type message struct {
	Body string `json:"body"`
}

type posted struct {
	Message *message `json:"message"`
	message
}

type created struct {
	Number    uint64 `json:"number"`
	Body      string `json:"body"`
	CreatedAt string `json:"created_at"`
}

type job struct {
	Token string `json:"token"`
	Chat  uint64 `json:"chat"`
	created
}

type service struct {
	pool       *redis.Pool
	durability string
}

func main() {
	connections := flag.Int("connections", 64, "how many idle connections to Redis are kept")
	given := options.Parse()
	pool := &redis.Pool{
		MaxIdle: *connections,
		Dial:    func() (redis.Conn, error) { return redis.Dial("tcp", given.Redis) },
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/applications/{token}/chats/{chat}/messages", service{pool, given.Durability}.create)
	mux.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	log.Fatal(http.ListenAndServe(given.Address, mux))
}

func (s service) create(answer http.ResponseWriter, request *http.Request) {
	began := time.Now()
	var asked posted
	if err := json.NewDecoder(http.MaxBytesReader(answer, request.Body, maxBodyBytes)).Decode(&asked); err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	if asked.Message == nil {
		asked.Message = &asked.message
	}
	if asked.Message.Body == "" {
		http.Error(answer, "body can't be blank", http.StatusUnprocessableEntity)
		return
	}
	token := request.PathValue("token")
	chat, err := strconv.ParseUint(request.PathValue("chat"), 10, 63)
	if err != nil {
		http.Error(answer, "Chat not found", http.StatusNotFound)
		return
	}
	made, err := s.enqueue(token, chat, asked.Message.Body)
	if err != nil {
		http.Error(answer, err.Error(), http.StatusServiceUnavailable)
		return
	}
	body, err := json.Marshal(made)
	if err != nil {
		http.Error(answer, err.Error(), http.StatusInternalServerError)
		return
	}
	headers := answer.Header()
	headers.Set("Content-Type", "application/json")
	headers.Set("Parley-Durability", s.durability)
	headers.Set("Location", answers.Location(request.URL.Path, made.Number))
	headers.Set("X-Request-Id", answers.NewRequestID())
	headers.Set("Server-Timing", answers.Spent(began))
	answer.WriteHeader(http.StatusCreated)
	answer.Write(body)
}

// enqueue takes the chat's next number and leaves the message for a worker.
func (s service) enqueue(token string, chat uint64, body string) (created, error) {
	connection := s.pool.Get()
	defer connection.Close()
	number, err := redis.Uint64(connection.Do("INCR", "messages:"+token+":"+strconv.FormatUint(chat, 10)))
	if err != nil {
		return created{}, err
	}
	made := created{number, body, time.Now().UTC().Format(answers.TimeLayout)}
	written, err := json.Marshal(job{token, chat, made})
	if err != nil {
		return created{}, err
	}
	_, err = connection.Do("LPUSH", jobs, written)
	return made, err
}
