package main

// Group commit: what arrived while a batch was under way travels in the next one.

import (
	"log"
	"runtime"
)

const (
	batchEntries = 256
	batchBytes   = 1 << 20
)

// entry is a message on its way into the log.
type entry struct {
	application *application
	chat        uint64
	key         string
	fingerprint []byte
	event       []byte
	outcome     chan outcome
}

// committer sends batches over one connection, one after the other.
type committer struct {
	connection *connection
	shares     [partitions]*packed
	command    []byte
	yields     bool
}

// run serves the queue for ever. A batch whose outcome is lost ends the process: a benchmark with it is void.
func (c *committer) run(queue <-chan *entry) {
	for first := range queue {
		c.gather(first, queue)
		if err := c.commit(); err != nil {
			log.Fatal(err)
		}
	}
}

func (c *committer) gather(first *entry, queue <-chan *entry) {
	c.add(first)
	if c.yields {
		runtime.Gosched() // whoever is about to queue an entry does so first
	}
	for count, size := 1, len(first.event); count < batchEntries && size < batchBytes; count++ {
		select {
		case next := <-queue:
			c.add(next)
			size += len(next.event)
		default:
			return
		}
	}
}

func (c *committer) add(e *entry) { c.shares[e.application.partition].add(e) }

// commit sends one call for each partition of the batch, all at once, and reads their replies.
func (c *committer) commit() error {
	c.command = c.command[:0]
	for _, share := range c.shares {
		if len(share.entries) > 0 {
			c.command = share.appendCall(c.command)
		}
	}
	if _, err := c.connection.Write(c.command); err != nil {
		return err
	}
	for _, share := range c.shares {
		if len(share.entries) == 0 {
			continue
		}
		reply, err := c.connection.read()
		if err != nil {
			return err
		}
		if err := share.readOutcomes(reply); err != nil {
			return err
		}
		share.clear()
	}
	return nil
}
