package main

// Redis's protocol, as far as a pipelined connection needs it: commands go out as bytes, replies are texts.

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

func appendArrayHead(to []byte, count int) []byte { return appendHead(to, '*', count) }

func appendBulkHead(to []byte, size int) []byte { return appendHead(to, '$', size) }

func appendHead(to []byte, kind byte, count int) []byte {
	return append(strconv.AppendInt(append(to, kind), int64(count), 10), "\r\n"...)
}

func appendBulk(to []byte, text string) []byte {
	return append(append(appendBulkHead(to, len(text)), text...), "\r\n"...)
}

type connection struct {
	net.Conn
	replies *bufio.Reader
	reply   []byte
}

func connect(address string) (*connection, error) {
	socket, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: socket, replies: bufio.NewReaderSize(socket, 1<<16)}, nil
}

// do sends one command and waits for its reply.
func (c *connection) do(words ...string) (string, error) {
	command := appendArrayHead(nil, len(words))
	for _, word := range words {
		command = appendBulk(command, word)
	}
	if _, err := c.Write(command); err != nil {
		return "", err
	}
	reply, err := c.read()
	return string(reply), err
}

// read gives the next reply; it is overwritten by the one after it.
func (c *connection) read() ([]byte, error) {
	line, err := c.replies.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	kind, text := line[0], line[1:len(line)-2]
	switch kind {
	case '+', ':':
		return text, nil
	case '-':
		return nil, errors.New(string(text))
	case '$':
		return c.readBulk(text)
	}
	return nil, fmt.Errorf("a reply begins with %q", kind)
}

func (c *connection) readBulk(size []byte) ([]byte, error) {
	count, err := strconv.Atoi(string(size))
	if err != nil || count < 0 {
		return nil, fmt.Errorf("a reply has %q bytes", size)
	}
	if cap(c.reply) < count+2 {
		c.reply = make([]byte, count+2)
	}
	_, err = io.ReadFull(c.replies, c.reply[:count+2])
	return c.reply[:count], err
}
