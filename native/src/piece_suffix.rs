//! What numbers the pieces of a file that was split: `aa`, `ab`, ..., as split has
//! them; `00`, `01`, ... (split -d), `00`, ..., `0a`, ... (split -x), `001` (7-Zip).

/// The signs that suffixes consist of, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    Letters,
    Digits,
    Hexadecimal,
}

impl Alphabet {
    const ALL: [Self; 3] = [Self::Letters, Self::Digits, Self::Hexadecimal];

    fn signs(self) -> &'static [u8] {
        match self {
            Self::Letters => b"abcdefghijklmnopqrstuvwxyz",
            Self::Digits => b"0123456789",
            Self::Hexadecimal => b"0123456789abcdef",
        }
    }
}

/// A suffix, which numbers one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suffix {
    alphabet: Alphabet,
    /// Each as its place in the alphabet.
    digits: Vec<usize>,
}

impl Suffix {
    /// Of the first piece, as split numbers them where it is not told how.
    pub fn first() -> Self {
        Self {
            alphabet: Alphabet::Letters,
            digits: vec![0; 2],
        }
    }

    /// A text as a suffix of each alphabet that it may be of.
    pub fn parse(text: &str) -> impl Iterator<Item = Self> {
        let alphabets = Alphabet::ALL.into_iter();
        alphabets.filter_map(|alphabet| {
            let place = |byte| alphabet.signs().iter().position(|&sign| sign == byte);
            let digits = text.bytes().map(place).collect::<Option<Vec<_>>>()?;
            Some(Self { alphabet, digits })
        })
    }

    /// Like [`Suffix::parse`], of the first piece: `aa` is no number there.
    pub fn of_first(text: &str) -> impl Iterator<Item = Self> {
        let is_number = text.starts_with('0');
        Self::parse(text).filter(move |suffix| is_number != (suffix.alphabet == Alphabet::Letters))
    }

    pub fn alphabet(&self) -> Alphabet {
        self.alphabet
    }

    pub fn text(&self) -> String {
        let signs = self.alphabet.signs();
        let signs = self.digits.iter().filter_map(|&digit| signs.get(digit));
        signs.map(|&sign| char::from(sign)).collect()
    }

    /// The number that follows; and where split goes on with longer ones, since it
    /// was not told how long they are to be, the longer one behind it: `za`, `zaaa`
    /// after `yz`. After `999`, others have `1000`.
    pub fn following(&self) -> Vec<Self> {
        let last = self.alphabet.signs().len() - 1;
        let mut found = Vec::new();
        let is_last = self.digits.iter().all(|&digit| digit == last);
        if !is_last {
            let mut next = self.digits.clone();
            for digit in next.iter_mut().rev() {
                if *digit != last {
                    *digit += 1;
                    break;
                }
                *digit = 0;
            }
            found.push(next);
        } else if self.alphabet != Alphabet::Letters {
            let zeros = vec![0; self.digits.len()];
            found.push([vec![1], zeros].concat());
        }
        let lasts = self.digits.iter().take_while(|&&digit| digit == last);
        let lasts = lasts.count();
        let is_widened = self.digits.len() == 2 * (lasts + 1)
            && self.digits[lasts] == last - 1
            && self.digits[lasts + 1..].iter().all(|&digit| digit == last);
        if is_widened {
            let mut longer = vec![last; lasts + 1];
            longer.resize(self.digits.len() + 2, 0);
            found.push(longer);
        }
        let alphabet = self.alphabet;
        found
            .into_iter()
            .map(|digits| Self { alphabet, digits })
            .collect()
    }

    /// The number that split gives to the next piece.
    pub fn successor(&self) -> Option<Self> {
        self.following().pop()
    }

    /// The number before, of the same length.
    pub fn preceding(&self) -> Option<Self> {
        let last = self.alphabet.signs().len() - 1;
        let mut before = self.clone();
        for digit in before.digits.iter_mut().rev() {
            if *digit > 0 {
                *digit -= 1;
                return Some(before);
            }
            *digit = last;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(alphabet: Alphabet, text: &str, expected: &[&str]) {
        let mut suffixes = Suffix::parse(text);
        let suffix = suffixes.find(|suffix| suffix.alphabet() == alphabet);
        let following = suffix.unwrap().following();
        let following: Vec<String> = following.iter().map(Suffix::text).collect();
        assert_eq!(following, expected, "{text}");
    }

    #[test]
    fn following_suffixes() {
        use Alphabet::{Digits, Hexadecimal, Letters};
        let table: [(Alphabet, &str, &[&str]); 14] = [
            (Letters, "aa", &["ab"]),
            (Letters, "az", &["ba"]),
            (Letters, "yz", &["za", "zaaa"]),
            (Letters, "zz", &[]),
            (Letters, "zyzz", &["zzaa", "zzaaaa"]),
            (Digits, "09", &["10"]),
            (Digits, "89", &["90", "9000"]),
            (Digits, "9899", &["9900", "990000"]),
            (Digits, "999", &["1000"]),
            (Digits, "001", &["002"]),
            (Hexadecimal, "09", &["0a"]),
            (Hexadecimal, "0f", &["10"]),
            (Hexadecimal, "ef", &["f0", "f000"]),
            (Hexadecimal, "fff", &["1000"]),
        ];
        for (alphabet, text, expected) in table {
            check(alphabet, text, expected);
        }
    }

    #[test]
    fn preceding_suffixes() {
        for (text, expected) in [("ab", Some("aa")), ("ba", Some("az")), ("aa", None)] {
            let suffix = Suffix::parse(text).next().unwrap();
            let before = suffix.preceding().map(|before| before.text());
            assert_eq!(before.as_deref(), expected, "{text}");
        }
    }
}
