"""What people call themselves and write into order notes."""

from __future__ import annotations

from typing import Final

NAMES: Final = (
    (
        ("Anna", "Jürgen", "Søren", "Zoë", "François", "Łukasz", "Seán", "Nuño", "Ava", "Ağaoğlu"),
        ("Müller", "Weiß", "Ångström", "O’Neill", "D'Angelo", "Smith & Sons", "Dvořák", "Nguyễn"),
        "{0} {1}",
    ),
    (("伟", "芳", "秀英", "娜", "磊"), ("王", "李", "张", "欧阳", "𠮷田"), "{1}{0}"),
    (("太郎", "さくら", "ケンジ", "ゆい"), ("佐藤", "鈴木", "髙橋", "渡邉"), "{1} {0}"),
    (("민준", "서연", "지우"), ("김", "이", "박"), "{1}{0}"),
    (("محمد", "فاطمة", "يوسف"), ("الأحمد", "حداد", "منصور"), "{0} {1}"),
    (("דוד", "שרה", "נועה"), ("כהן", "לוי"), "{0} {1}"),
    (("Дмитрий", "Олена", "Наталья"), ("Шевченко", "Иванов"), "{0} {1}"),
    # Letter and accent apart (Unicode NFD): two code points, one glyph.
    (("Jose\u0301", "Rene\u0301e", "Bjo\u0308rn"), ("Mu\u0308nz", "Pe\u0301rez"), "{0} {1}"),
)
"""Per script: given names, family names and the order in which they are written."""

SCRIPT_WEIGHTS: Final = (60, 10, 6, 4, 6, 3, 6, 5)
"""How often each script of NAMES is met, in percent."""

NOTES: Final = (
    "Please ring twice.",
    "Bitte beim Nachbarn abgeben – Größe prüfen!",
    'Engrave "Für immer & ewig" <centred>',
    "  two leading blanks, one trailing ",
    "First line\nsecond line\nthird line",
    "Windows line\r\nand tab\there",
    "=1+1",
    '=HYPERLINK("http://example.com","click")',
    "+49 30 123456",
    "-5 % agreed on the phone",
    "@warehouse: fragile",
    "请在下午送货，谢谢！",
    "ギフト包装をお願いします",
    "선물 포장 부탁드립니다",
    "الرجاء الاتصال قبل التوصيل",
    "נא להתקשר לפני המשלוח",
    "Birthday 🎂 for the family 👨‍👩‍👧‍👦 in 🇩🇪",
    "cafe\u0301 table, wobbly",
    "0049",
    "1E5",
    "2024-02-30",
    "_x000D_ was in the old system",
    "]]> & &amp; stay as they are",
    "",
)

GOODS: Final = (
    "Desk lamp", "Lampenschirm „Süden“", "Chair", "Table <oak>", "Shelf 2×4", "Teapot",
    "茶杯", "Rug", "Mirror", "Clock", "Kissen", "Vase & stand", "Blanket", "Étagère", "Bowl",
)  # fmt: skip
"""What the shop sells."""

FINISHES: Final = ("white", "black", "oak", "walnut", "blau", "rouge", "竹", 'brass 1/2"')
