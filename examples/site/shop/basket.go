package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"
)

// item is something to buy.
type item struct {
	ID, Name, About string
	Cents           int
}

var shelf = []item{
	{"board", "Foam board", "7 ft, for first waves", 24900},
	{"suit", "Wetsuit", "3/2 mm, all sizes", 12900},
	{"wax", "Wax", "for cool water", 700},
	{"leash", "Leash", "7 ft, with double swivel", 2900},
}

func itemOf(id string) (item, error) {
	for _, i := range shelf {
		if i.ID == id {
			return i, nil
		}
	}
	return item{}, errNoItem
}

func money(cents int) string { return fmt.Sprintf("€%d.%02d", cents/100, cents%100) }

const (
	maxOfOne   = 20
	basketLife = 31 * 24 * time.Hour // as long as a session may live, and a day
)

var errFull = errors.New("the basket has as many of it as it can hold")

// baskets keeps what people have chosen, by the id of their session: another login has another basket.
type baskets interface {
	// counts returns how many of each item there are, by the id of the item.
	counts(ctx context.Context, sid string) (map[string]int, error)
	// add puts one more of an item into the basket, in one write, and returns errFull beyond maxOfOne.
	add(ctx context.Context, sid, item string, now time.Time) error
	// remove takes all of an item out. It is no error when there was none.
	remove(ctx context.Context, sid, item string) error
}

// openBaskets opens the table $TABLE_NAME, and without one a file.
func openBaskets(ctx context.Context) (baskets, error) {
	if name := os.Getenv("TABLE_NAME"); name != "" {
		return openTable(ctx, name)
	}
	return openFile(os.Getenv("BASKETS"))
}

// basketPage is what the page of the basket shows.
type basketPage struct {
	Lines []basketLine
	Total int
}

type basketLine struct {
	item
	Count, Sum int
}

func (s *site) basket(w http.ResponseWriter, r *http.Request, v visitor) {
	counts, err := s.baskets.counts(r.Context(), v.Session)
	if err != nil {
		s.unavailable(w, r, err)
		return
	}
	var page basketPage
	for _, i := range shelf {
		if n := counts[i.ID]; n > 0 {
			page.Lines = append(page.Lines, basketLine{i, n, n * i.Cents})
			page.Total += n * i.Cents
		}
	}
	s.show(w, r, http.StatusOK, "basket.html", page)
}

func (s *site) changeBasket(w http.ResponseWriter, r *http.Request, v visitor) {
	chosen, err := itemOf(r.PostFormValue("item"))
	if err != nil {
		s.problem(w, r, http.StatusNotFound, "There is no such thing in this shop.")
		return
	}
	if r.PostFormValue("do") == "remove" {
		err = s.baskets.remove(r.Context(), v.Session, chosen.ID)
	} else {
		err = s.baskets.add(r.Context(), v.Session, chosen.ID, time.Now())
	}
	switch {
	case errors.Is(err, errFull):
		s.problem(w, r, http.StatusConflict, fmt.Sprintf("There is room for %d of one thing.", maxOfOne))
	case err != nil:
		s.unavailable(w, r, err)
	default:
		http.Redirect(w, r, "/basket", http.StatusSeeOther) // reloading the page does not send the form again
	}
}
