package main

// The log is opened as Parley's own lease-holder opens it: by open.lua and restore.lua, which give it its keys.

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"peers/options"
)

// application is a known tenant; scopes names its chats by number, as the script does.
type application struct {
	token     string
	partition int
	scopes    []string
}

func known(given options.Options) map[string]*application {
	applications := make(map[string]*application, len(given.Tokens))
	for _, token := range given.Tokens {
		one := &application{token, partitionOf(token), make([]string, given.Chats+1)}
		for chat := range one.scopes {
			one.scopes[chat] = token + ":" + strconv.Itoa(chat)
		}
		applications[token] = one
	}
	return applications
}

// opening makes an empty Redis a log in its first epoch; in one that is a log already it goes on.
type opening struct {
	connection *connection
	scripts    string
	run        string
}

func newOpening(address, scripts string) (*opening, error) {
	connection, err := connect(address)
	if err != nil {
		return nil, err
	}
	info, err := connection.do("INFO", "server")
	if err != nil {
		return nil, err
	}
	run := regexp.MustCompile(`run_id:(\w+)`).FindStringSubmatch(info)
	if run == nil {
		return nil, fmt.Errorf("INFO names no run_id")
	}
	return &opening{connection, scripts, run[1]}, nil
}

func (o *opening) script(name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(o.scripts, name+".lua"))
	return string(text), err
}

func (o *opening) eval(name string, words ...string) error {
	text, err := o.script(name)
	if err != nil {
		return err
	}
	said, err := o.connection.do(append([]string{"EVAL", text}, words...)...)
	if err == nil && said != "OK" {
		err = fmt.Errorf("%s.lua says %s", name, said)
	}
	return err
}

// open begins the epoch in every partition, with all keys known since 1970, and restores the scopes.
func (o *opening) open(applications map[string]*application) error {
	stamp := strconv.Itoa(firstStamp)
	for partition := range partitions {
		keys := keysOf(partition, "")
		sealed := tagOf(partition) + ":sealed"
		if err := o.eval("open", "4", keys[0], sealed, keys[1], keys[5], epoch, "0", "0", "0", stamp, "0"); err != nil {
			return err
		}
	}
	for _, one := range applications {
		keys := keysOf(one.partition, "")
		words := []string{"4", keys[0], keys[1], keys[2], keys[5], epoch, stamp}
		grant := strconv.Itoa(endlessGrant)
		words = append(words, one.token, "0", strconv.Itoa(len(one.scopes)-1), "1", grant, "")
		for _, chat := range one.scopes[1:] {
			words = append(words, chat, "0", "0", "1", grant, "")
		}
		if err := o.eval("restore", words...); err != nil {
			return err
		}
	}
	return nil
}

// load loads the append script of each partition's life, and gives what a call of it begins with.
func (o *opening) load() (heads [partitions][]string, err error) {
	append_, err := o.script("append")
	if err != nil {
		return heads, err
	}
	for partition := range partitions {
		text, digest := lifeScript("append", append_, partition, o.run)
		if _, err := o.connection.do("SCRIPT", "LOAD", text); err != nil {
			return heads, err
		}
		heads[partition] = []string{"EVALSHA", digest}
	}
	return heads, nil
}

// newCommitter connects one more writer, with an id of its own.
func newCommitter(address string, heads [partitions][]string, yields bool) (*committer, error) {
	connection, err := connect(address)
	if err != nil {
		return nil, err
	}
	random := make([]byte, 8)
	rand.Read(random)
	c := &committer{connection: connection, yields: yields}
	for partition := range c.shares {
		keys := keysOf(partition, hex.EncodeToString(random))
		head := append([]string{}, heads[partition]...)
		head = append(append(head, strconv.Itoa(len(keys))), keys...)
		c.shares[partition] = &packed{
			head:   append(head, epoch),
			scopes: names{index: map[string]uint32{}},
			keys:   names{index: map[string]uint32{}},
		}
	}
	return c, nil
}
