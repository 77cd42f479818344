package pages

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// styleOf is the style sheet of every page with the operator's colour.
func styleOf(colour string) (string, error) {
	sheet, err := files.ReadFile("style.css")
	if err != nil {
		return "", err
	}
	c, err := parseColour(colour)
	if err != nil {
		return "", err
	}
	variables := fmt.Sprintf(":root{--accent:%s;--on-accent:%s;--link:%s;--dark-link:%s;--edge:%s;--dark-edge:%s}\n",
		c, c.textOn(), c.seenOn(white, -1, ofText), c.seenOn(night, +1, ofText), c.seenOn(white, -1, ofShapes), c.seenOn(night, +1, ofShapes))
	return variables + string(sheet), nil
}

// rgb is a colour of sRGB, each part from 0 to 255.
type rgb [3]float64

var (
	white = rgb{255, 255, 255}
	night = rgb{0x1a, 0x1f, 0x26} // of cards in the dark
)

// The contrast that is needed (WCAG 2.2, 1.4.3 and 1.4.11).
const (
	ofText   = 4.5
	ofShapes = 3.0 // of what shows where a button is
)

func parseColour(text string) (c rgb, err error) {
	digits, ok := strings.CutPrefix(text, "#")
	n, err := strconv.ParseUint(digits, 16, 32)
	if !ok || err != nil || len(digits) != 6 {
		return c, fmt.Errorf("colour %.20q: want six digits like #0a5fd9", text)
	}
	return rgb{float64(n >> 16), float64(n >> 8 & 0xff), float64(n & 0xff)}, nil
}

func (c rgb) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(c[0]), int(c[1]), int(c[2]))
}

// luminance is the relative luminance (WCAG 2.2).
func (c rgb) luminance() float64 {
	linear := func(part float64) float64 {
		if part /= 255; part <= 0.04045 {
			return part / 12.92
		}
		return math.Pow((part+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

func (c rgb) contrastTo(other rgb) float64 {
	a, b := c.luminance(), other.luminance()
	return (math.Max(a, b) + 0.05) / (math.Min(a, b) + 0.05)
}

// textOn is the colour of text on c.
func (c rgb) textOn() rgb {
	if c.contrastTo(white) >= c.contrastTo(rgb{}) {
		return white
	}
	return rgb{}
}

// seenOn is c, made darker or lighter in steps until it has that contrast to the background.
func (c rgb) seenOn(background rgb, direction, contrast float64) rgb {
	for c.contrastTo(background) < contrast {
		for i := range c {
			c[i] = math.Round(min(255, max(0, c[i]+direction*8)))
		}
	}
	return c
}
