// Command shop is a back end that has its own users and its own login form, and no sessions: Wavepass begins them for whoever the shop lets in.
package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: shop DATABASE, with the address of Wavepass and the shop's secret as two lines of standard input")
	}
	log.Fatal(run(context.Background(), os.Args[1], os.Stdin, os.Stdout))
}

// run serves the shop, and says at which port. Its settings come later: Wavepass has to know the shop's address when it starts.
func run(ctx context.Context, database string, settings io.Reader, out io.Writer) error {
	users, err := openUsers(ctx, database, bcrypt.DefaultCost)
	if err != nil {
		return err
	}
	for _, u := range []struct{ email, password, role string }{
		{"ada@example.com", "surf-the-first-wave", ""}, {"grace@example.com", "surf-the-second-wave", "admin"},
	} {
		if err := users.add(ctx, u.email, u.password, u.role); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "4000"))
	if err != nil {
		return fmt.Errorf("%w; choose another port: PORT=4001 ./run", err)
	}
	if _, err := fmt.Fprintln(out, "port", listener.Addr().(*net.TCPAddr).Port); err != nil {
		return err
	}
	lines := bufio.NewScanner(settings)
	var given [2]string
	for i := range given {
		lines.Scan()
		given[i] = strings.TrimSpace(lines.Text())
	}
	if err := lines.Err(); err != nil || given[1] == "" {
		return errors.Join(errors.New("standard input has not two lines: the address of Wavepass and the shop's secret"), err)
	}
	wavepass := newWavepass(given[0], "shop", given[1])
	server := &http.Server{
		Handler: newShop(users, wavepass), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 20 * time.Second, WriteTimeout: time.Minute,
	}
	return server.Serve(listener)
}
