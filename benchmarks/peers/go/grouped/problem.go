package main

// What is wrong with a request, in the shape that src/parley/http/problems.py gives it.

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/valyala/fasthttp"
)

type problem struct {
	status int
	code   string
	detail string
	errors map[string][]string
}

type told struct {
	Type      string              `json:"type"`
	Title     string              `json:"title"`
	Status    int                 `json:"status"`
	Detail    string              `json:"detail"`
	Instance  string              `json:"instance"`
	Code      string              `json:"code"`
	RequestID string              `json:"request_id"`
	Error     string              `json:"error,omitempty"`
	Errors    map[string][]string `json:"errors,omitempty"`
}

func malformed(detail string) *problem { return &problem{400, "malformed_json", detail, nil} }

func notFound(code, what string) *problem { return &problem{404, code, what + " not found", nil} }

func invalid(errors map[string][]string) *problem {
	for _, name := range []string{"body", "sender", "metadata"} {
		if sentences := errors[name]; sentences != nil {
			return &problem{422, "validation_failed", name + " " + sentences[0], errors}
		}
	}
	return nil
}

func (p *problem) answer(ctx *fasthttp.RequestCtx, requestID string) {
	title := strings.ReplaceAll(p.code, "_", " ")
	body := told{
		"urn:parley:problem:" + p.code, strings.ToUpper(title[:1]) + title[1:], p.status, p.detail,
		"urn:parley:request:" + requestID, p.code, requestID, p.detail, p.errors,
	}
	if p.errors != nil {
		body.Error = ""
	}
	ctx.SetStatusCode(p.status)
	ctx.SetContentType("application/problem+json")
	written, _ := json.Marshal(body)
	ctx.SetBody(written)
}
