"""Run by `python3 -m unittest`."""

import unittest

from roman import roman


class TestRoman(unittest.TestCase):
    def test_numerals(self) -> None:
        wanted = {1: "I", 4: "IV", 1994: "MCMXCIV", 3999: "MMMCMXCIX"}
        self.assertEqual({number: roman(number) for number in wanted}, wanted)

    def test_no_numeral(self) -> None:
        self.assertRaises(ValueError, roman, 0)
