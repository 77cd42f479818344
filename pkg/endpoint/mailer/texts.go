package mailer

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"

	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/mail"
)

// Texts reads the texts of mails: those of a folder, or Wavepass's own when it is empty. Its error names the folder.
func Texts(folder string, looks endpoint.Looks) (*mail.Texts, error) {
	var from fs.FS = mail.Embedded()
	if folder != "" {
		from = os.DirFS(folder)
	}
	texts, err := mail.ReadTexts(from, cmp.Or(looks.Name, "Wavepass"))
	if err != nil && folder != "" {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	return texts, err
}
