"""Rules that make task rows: functions of a word, of a list of words, of a number.

Each table maps a name to (instruction, function). A function gives None where it does not apply.
"""

VOWELS = "aeiou"


def yes(x) -> str:
    return "yes" if x else "no"


def vowels_removed(w):
    return "".join(c for c in w if c not in VOWELS) or None


def vowels_only(w):
    return "".join(c for c in w if c in VOWELS) or None


STRING = {
    "upper": ("Upper case.", str.upper),
    "capitalize": ("Capitalise the word.", str.capitalize),
    "reverse": ("Spell the word backwards.", lambda w: w[::-1]),
    "copy": ("Repeat the input.", lambda w: w),
    "twice": ("Write the word twice.", lambda w: w + w),
    "twice_spaced": ("Write the word twice with a space between.", lambda w: f"{w} {w}"),
    "twice_hyphen": ("Write the word twice with a hyphen between.", lambda w: f"{w}-{w}"),
    "first_letter": ("First letter.", lambda w: w[0]),
    "last_letter": ("Last letter.", lambda w: w[-1]),
    "second_letter": ("Second letter.", lambda w: w[1]),
    "first_two": ("First two letters.", lambda w: w[:2]),
    "first_three": ("First three letters.", lambda w: w[:3]),
    "first_four": ("First four letters.", lambda w: w[:4]),
    "last_two": ("Last two letters.", lambda w: w[-2:]),
    "last_three": ("Last three letters.", lambda w: w[-3:]),
    "first_five": ("First five letters.", lambda w: w[:5]),
    "last_four": ("Last four letters.", lambda w: w[-4:]),
    "third_letter": ("Third letter.", lambda w: w[2]),
    "before_last_letter": ("Last letter but one.", lambda w: w[-2]),
    "without_first_two": ("Drop the first two letters.", lambda w: w[2:]),
    "without_last_two": ("Drop the last two letters.", lambda w: w[:-2]),
    "first_and_last": ("First and last letter.", lambda w: w[0] + w[-1]),
    "without_first": ("Drop the first letter.", lambda w: w[1:]),
    "without_last": ("Drop the last letter.", lambda w: w[:-1]),
    "without_ends": ("Drop the first and the last letter.", lambda w: w[1:-1]),
    "first_upper": ("First letter in upper case.", lambda w: w[0].upper()),
    "last_upper": ("Last letter in upper case.", lambda w: w[-1].upper()),
    "first_two_upper": ("First two letters in upper case.", lambda w: w[:2].upper()),
    "first_three_upper": ("First three letters in upper case.", lambda w: w[:3].upper()),
    "last_three_upper": ("Last three letters in upper case.", lambda w: w[-3:].upper()),
    "reverse_upper": ("Backwards in upper case.", lambda w: w[::-1].upper()),
    "twice_upper": ("Twice in upper case.", lambda w: (w + w).upper()),
    "capitalize_last": ("Capitalise the last letter.", lambda w: w[:-1] + w[-1].upper()),
    "first_doubled": ("Double the first letter.", lambda w: w[0] + w),
    "last_doubled": ("Double the last letter.", lambda w: w + w[-1]),
    "first_twice": ("First letter twice.", lambda w: w[0] * 2),
    "last_twice": ("Last letter twice.", lambda w: w[-1] * 2),
    "first_moved": ("Move the first letter to the end.", lambda w: w[1:] + w[0]),
    "no_vowels": ("Remove the vowels.", vowels_removed),
    "only_vowels": ("Keep only the vowels.", vowels_only),
    "first_vowel": ("First vowel.", lambda w: next((c for c in w if c in VOWELS), None)),
    "star_vowels": ("Replace each vowel by a star.", lambda w: "".join("*" if c in VOWELS else c for c in w)),
    "spaced": ("Put spaces between the letters.", " ".join),
    "hyphens": ("Put hyphens between the letters.", "-".join),
    "length": ("Number of letters.", lambda w: str(len(w))),
    "vowel_count": ("Number of vowels.", lambda w: str(sum(c in VOWELS for c in w))),
    "exclaim": ("Add an exclamation mark.", lambda w: w + "!"),
    "question": ("Add a question mark.", lambda w: w + "?"),
    "quoted": ("Put the word in quotes.", lambda w: f'"{w}"'),
    "brackets": ("Put the word in brackets.", lambda w: f"({w})"),
    "the": ("Add the article the.", lambda w: "the " + w),
    "hashtag": ("Make a hashtag.", lambda w: "#" + w),
    "file": ("Name a text file.", lambda w: w + ".txt"),
    "re": ("Add the prefix re-.", lambda w: "re" + w),
    "un": ("Add the prefix un-.", lambda w: "un" + w),
    "ly": ("Add the suffix -ly.", lambda w: w + "ly"),
    "ness": ("Add the suffix -ness.", lambda w: w + "ness"),
    "colon": ("Add a colon.", lambda w: w + ":"),
    "nice": ("Say that it is nice.", lambda w: w + " is nice"),
    "starts_vowel": ("Does it start with a vowel?", lambda w: yes(w[0] in VOWELS)),
    "ends_vowel": ("Does it end with a vowel?", lambda w: yes(w[-1] in VOWELS)),
    "has_e": ("Does it contain the letter e?", lambda w: yes("e" in w)),
    "has_double": ("Does it have a double letter?", lambda w: yes(any(a == b for a, b in zip(w, w[1:])))),
    "long": ("Long or short?", lambda w: "long" if len(w) > 6 else "short"),
    "length_parity": ("Is the number of letters even or odd?", lambda w: "even" if len(w) % 2 == 0 else "odd"),
    "half_of_alphabet": ("Which half of the alphabet does it start in?", lambda w: "first" if w[0] <= "m" else "second"),
    "ending_kind": ("Does it end in a vowel or a consonant?", lambda w: "vowel" if w[-1] in VOWELS else "consonant"),
}

LIST = {
    "first": ("First word.", lambda x: x[0]),
    "second": ("Second word.", lambda x: x[1]),
    "third": ("Third word.", lambda x: x[2] if len(x) > 2 else None),
    "fourth": ("Fourth word.", lambda x: x[3] if len(x) > 3 else None),
    "last": ("Last word.", lambda x: x[-1]),
    "first_two": ("First two words.", lambda x: ", ".join(x[:2])),
    "last_two": ("Last two words.", lambda x: ", ".join(x[-2:])),
    "before_last": ("Last word but one.", lambda x: x[-2] if len(x) > 2 else None),
    "reverse": ("Reverse the list.", lambda x: ", ".join(x[::-1])),
    "copy": ("Repeat the list.", ", ".join),
    "sort": ("Sort the words.", lambda x: ", ".join(sorted(x))),
    "count": ("How many words?", lambda x: str(len(x))),
    "without_first": ("Drop the first word.", lambda x: ", ".join(x[1:])),
    "without_last": ("Drop the last word.", lambda x: ", ".join(x[:-1])),
    "ends": ("First and last word.", lambda x: f"{x[0]}, {x[-1]}"),
    "swap_ends": ("Swap the first and the last word.", lambda x: ", ".join([x[-1], *x[1:-1], x[0]])),
    "and": ("Join the words with and.", " and ".join),
    "spaces": ("Join the words with spaces.", " ".join),
    "hyphens": ("Join the words with hyphens.", "-".join),
    "slashes": ("Join the words with slashes.", "/".join),
    "initials": ("First letter of each word.", lambda x: "".join(w[0] for w in x)),
    "finals": ("Last letter of each word.", lambda x: "".join(w[-1] for w in x)),
    "upper": ("The list in upper case.", lambda x: ", ".join(x).upper()),
    "first_upper": ("First word in upper case.", lambda x: x[0].upper()),
    "last_upper": ("Last word in upper case.", lambda x: x[-1].upper()),
    "first_twice": ("First word twice.", lambda x: f"{x[0]} {x[0]}"),
    "first_initial": ("First letter of the first word.", lambda x: x[0][0]),
    "last_initial": ("First letter of the last word.", lambda x: x[-1][0]),
    "size": ("Is the list long or short?", lambda x: "long" if len(x) > 3 else "short"),
}

UNITS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
         "eighteen nineteen").split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def in_words(n: int):
    if n < 20:
        return UNITS[n]
    if n < 100:
        return TENS[n // 10 - 2] + (f"-{UNITS[n % 10]}" if n % 10 else "")
    return None


def ordinal(n: int):
    end = "th" if 10 < n % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{end}"


def roman(n: int):
    if not 0 < n < 100:
        return None
    tens = ("", "X", "XX", "XXX", "XL", "L", "LX", "LXX", "LXXX", "XC")
    ones = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
    return tens[n // 10] + ones[n % 10]


NUMBER = {
    "plus_one": ("Add one.", lambda n: str(n + 1)),
    "plus_two": ("Add two.", lambda n: str(n + 2)),
    "plus_three": ("Add three.", lambda n: str(n + 3)),
    "plus_four": ("Add four.", lambda n: str(n + 4)),
    "plus_five": ("Add five.", lambda n: str(n + 5)),
    "plus_ten": ("Add ten.", lambda n: str(n + 10)),
    "minus_one": ("Subtract one.", lambda n: str(n - 1) if n else None),
    "minus_two": ("Subtract two.", lambda n: str(n - 2) if n > 1 else None),
    "minus_three": ("Subtract three.", lambda n: str(n - 3) if n > 2 else None),
    "minus_four": ("Subtract four.", lambda n: str(n - 4) if n > 3 else None),
    "minus_five": ("Subtract five.", lambda n: str(n - 5) if n > 4 else None),
    "minus_ten": ("Subtract ten.", lambda n: str(n - 10) if n > 9 else None),
    "plus_hundred": ("Add a hundred.", lambda n: str(n + 100)),
    "double": ("Double the number.", lambda n: str(2 * n)),
    "times_ten": ("Multiply by ten.", lambda n: str(10 * n)),
    "last_digit": ("Last digit.", lambda n: str(n % 10)),
    "first_digit": ("First digit.", lambda n: str(n)[0]),
    "reverse": ("Reverse the digits.", lambda n: str(n)[::-1]),
    "words": ("Write the number in words.", in_words),
    "ordinal": ("Make an ordinal.", ordinal),
    "roman": ("Roman numeral.", roman),
    "percent": ("Add a percent sign.", lambda n: f"{n}%"),
    "dollars": ("Write as dollars.", lambda n: f"${n}"),
    "parity": ("Even or odd?", lambda n: "even" if n % 2 == 0 else "odd"),
    "size": ("Big or small?", lambda n: "big" if n >= 100 else "small"),
    "by_five": ("Can it be divided by five?", lambda n: yes(n % 5 == 0)),
    "digits": ("How many digits?", lambda n: str(len(str(n)))),
}


NAME = {  # of (first name, last name)
    "first": ("First name.", lambda n: n[0]),
    "last": ("Last name.", lambda n: n[1]),
    "swap": ("Last name first.", lambda n: f"{n[1]}, {n[0]}"),
    "initials": ("Initials.", lambda n: f"{n[0][0]}.{n[1][0]}."),
    "short": ("Shorten the first name.", lambda n: f"{n[0][0]}. {n[1]}"),
    "user": ("Make a user name.", lambda n: f"{n[0][0]}{n[1]}".lower()),
    "dotted": ("Join the names with a dot.", lambda n: f"{n[0]}.{n[1]}".lower()),
    "mail": ("Make a mail address.", lambda n: f"{n[0]}@{n[1]}.com".lower()),
    "upper": ("Last name in upper case.", lambda n: f"{n[0]} {n[1].upper()}"),
    "greet": ("Say hello.", lambda n: f"Hello {n[0]}!"),
}

MONTHS = "January February March April May June July August September October November December".split()

DATE = {  # of (year, month, day)
    "year": ("Year.", lambda d: str(d[0])),
    "month": ("Month.", lambda d: MONTHS[d[1] - 1]),
    "month_short": ("Month in three letters.", lambda d: MONTHS[d[1] - 1][:3]),
    "month_number": ("Number of the month.", lambda d: str(d[1])),
    "day": ("Day.", lambda d: str(d[2])),
    "slashes": ("With slashes.", lambda d: f"{d[2]}/{d[1]}/{d[0]}"),
    "dots": ("With dots.", lambda d: f"{d[2]}.{d[1]}.{d[0]}"),
    "american": ("Month first.", lambda d: f"{d[1]}/{d[2]}/{d[0]}"),
    "long": ("In words.", lambda d: f"{MONTHS[d[1] - 1]} {d[2]}, {d[0]}"),
    "half": ("Half of the year.", lambda d: "first" if d[1] < 7 else "second"),
    "century": ("Which century?", lambda d: "20th" if d[0] < 2000 else "21st"),
}
