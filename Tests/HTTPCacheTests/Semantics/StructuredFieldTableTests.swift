//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

extension SemanticsTests {
  /// Cases of the kind that the public suite for structured fields has, by the sections of RFC 9651: which values are lists,
  /// dictionaries and items, and which are none.
  @Suite("RFC 9651: what is a structured field")
  struct StructuredFieldTable {
    enum Form: CaseIterable { case list, dictionary }

    static func isValid(_ value: String, as form: Form) -> Bool {
      Sample.withSpan(value) { value in
        switch form {
        case .list: StructuredField.list(value) != nil
        case .dictionary: StructuredField.dictionary(value) != nil
        }
      }
    }

    /// Bare items (§3.3, §4.2.3.1), each to be tried wherever one may stand.
    static let validItems = [
      // Integers and decimals.
      "0", "-0", "42", "-42", "042", "-042", "00", "999999999999999", "-999999999999999", "1.5", "-1.5", "1.0", "0.1",
      "1.123", "00.1", "123456789012.1", "-123456789012.123", "123456789012.0",
      // Strings.
      "\"\"", "\"foo bar\"", "\" \"", "\"\\\"\"", "\"\\\\\"", "\"a,b;c=d\"", "\"(\"", "\"%c3\"",
      // Tokens.
      "a", "A", "*", "a1", "a_b-c.d3:f%00/*", "fooBar", "a!#$%&'*+-.^_`|~/:", "*a",
      // Byte sequences: padding complete, or left out.
      "::", ":aGVsbG8=:", ":aGVsbG8:", ":aA==:", ":aA:", ":aGVs:", ":/+Ah:", ":iZ==:", ":a+/0:",
      // Booleans, dates, display strings.
      "?0", "?1", "@0", "@-0", "@1659578233", "@-1659578233", "@253402300799", "@999999999999999", "%\"\"",
      "%\"This is intended for display to %c3%bcsers.\"", "%\"foo %22bar%22 \\ baz\"", "%\"%f0%9f%92%a9\"", "%\"%25\"",
    ]

    static let invalidItems = [
      "-", "--1", "-a", "4-2", "+1", "- 42", "1000000000000000", "-1000000000000000", "0000000000000000", "1.", "-1.",
      ".1",
      "-.1", "1.1234", "1.0000", "1..4", "1.5.4", "1.-1", "1. 5", "1234567890123.1", "1e3", "0x1",
      "\"", "\"foo", "\"foo\\", "\"\\a\"", "'foo'", "\"f\u{0}o\"", "\"f\to\"", "\"\u{FC}\"", "\"foo\"bar", "“foo”",
      ":", ":a", ":aGVsbG8=", ":=:", ":==:", ":a:", ":a=:", ":a==:", ":a===:", ":aGVsb:", ":=aGVsbG8=:", ":a=GVsbG8=:",
      ":aGVsbG8==:", ":aGVsbG8===:", ":aGVs=:", ":aGVs==:", ":aGVs====:", ":aA=:", ":aA===:", ":aA=A:", ":aA=a=:",
      ":aG=VsbG8:", ":aGVsbG8=  :", ":    :", ": aGVsbG8=:", ":aGVsbG8=!:", ":aGVsbG8=!a:", ":a_-0:", ":iZ==.:",
      ":\u{FC}:",
      "aGVsbG8=:", ":aGV sbG8=:", ":aGVsbG8=::",
      "?", "?2", "?T", "?F", "?-0", "?01", "? 1", "@", "@a", "@1.0", "@\"1\"", "@ 1", "@1000000000000000",
      "%", "%\"", "%\"a", "%a\"", "%'a'", "%\"%\"", "%\"%a\"", "%\"%0g\"", "%\"%C3%BC\"", "%\"%c3\"", "%\"%ff\"",
      "%\"\u{FC}\"",
      "%\"a\tb\"", "%\"%ed%a0%80\"", "%\"%c0%80\"", "\u{FC}", "{a}", "[a]", "<a>", "a b", "a\tb", "a(b)", "$a", "|a",
      "(a", "a)",
      "(a))", "((a))", "(a,b)", "(a;)", "(\ta)", "(a\tb)", "\u{0}", "\u{7F}", "\\a", "=", "!a", "~", "/a",
    ]

    @Test("§4.2.3.1: an item", arguments: validItems)
    func items(item: String) {
      for value in [
        item, " \(item) ", "a, \(item)", "\(item),\(item)", "\(item)\t,\t \(item)", "(\(item))", "( \(item)  \(item) )",
        "a;b=\(item)", "a;b=\(item);c", "\(item);a;b", "\(item); a=1", "(a \(item);x=?0);y", "a;b=\(item);b=1",
      ] {
        #expect(Self.isValid(value, as: .list), "\(value)")
      }
      for value in [
        "a=\(item)", "a=\(item), b", "a=(\(item) 1);x", "a=\(item);b=\(item)", "a;b=\(item)", " a=\(item) ",
      ] {
        #expect(Self.isValid(value, as: .dictionary), "\(value)")
      }
    }

    @Test("§4.2.3.1: what is no item makes the whole field none", arguments: invalidItems)
    func noItems(text: String) {
      for value in [
        text, " \(text) ", "a, \(text)", "\(text), a", "(\(text))", "a;b=\(text)", "a;b=\(text);c", "(a;b=\(text))",
      ] where value != "(a))" && value != "(a b)" && value != "(a;b=a b)" && value != "(:    :)" {
        #expect(!Self.isValid(value, as: .list), "\(value)")
      }
      for value in ["a=\(text)", "b, a=\(text)", "a=\(text), b", "a=(1);b=\(text)"] {
        #expect(!Self.isValid(value, as: .dictionary), "\(value)")
      }
    }

    @Test(
      "§4.2.1: lists",
      arguments: [
        ("", 0), ("  ", 0), ("1", 1), ("1, 42", 2), ("1,42", 2), ("1 ,  42", 2), ("1\t,\t42", 2), ("(1 42)", 1),
        ("()", 1),
        ("(    )", 1), ("(1)", 1), ("(1 42), (2)", 2), ("( 1  42 )", 1), ("();a", 1), ("(a);b=1;c, d", 2),
        ("a;b;b;c=2", 1),
        ("1;  a", 1), ("a/b;q=0.5, c/d", 2), ("text/html;charset=utf-8", 1),
      ])
    func lists(value: String, count: Int) {
      #expect(Sample.withSpan(value) { StructuredField.list($0)?.count } == count)
    }

    @Test(
      "§4.2.1: no lists",
      arguments: [
        ",", ",1", "1,", "1,,2", "1, ,2", "1 2", "1;", "1;;a", "1;=1", "1;a=", "1;a =1", "1;a= 1", "1 ;a", "1;A", "1;1",
        "1;-a", "1;.a", "\t1", "(1", "1)", "(1 2", "(1,2)", "(1\t2)", "(1 2)3", "(1)(2)", "(1;)", "(1;a=)",
        "(1 ;a)",
        "((1))", "(1 (2))", "a=1", "a=b, c", "1\n2", "1\r\n",
      ])
    func noLists(value: String) {
      #expect(!Self.isValid(value, as: .list))
    }

    @Test(
      "§4.2.2: dictionaries",
      arguments: [
        ("", 0), ("a", 1), ("a=1", 1), ("a=1,b", 2), ("a , b", 2), ("a\t,\tb", 2), ("a=(1 2)", 1), ("a=()", 1),
        ("a;b=1", 1),
        ("a=?0;b, c", 2), ("a=1;  b", 1), ("*=1", 1), ("*a-b_c.d*=1", 1), ("a1=1", 1), ("a=1, a=2, a", 3),
        ("  a=1  ", 1),
      ])
    func dictionaries(value: String, count: Int) {
      #expect(Sample.withSpan(value) { StructuredField.dictionary($0)?.count } == count)
    }

    @Test(
      "§4.2.2: no dictionaries",
      arguments: [
        "=", "=1", "a=", "a= 1", "a =1", "a==1", "a=1,", ",a", "a,,b", "a, ,b", "a b", "a=1 b=2", "A", "a=1, B=2",
        "1=a",
        "-a=1", ".a", "_a", "a=(1", "a=1)", "a=(1,2)", "a;", "a;=1", "a;B=1", "\"a\"=1", "a=\"b", "é=1", "a=1;b=",
        "(a)=1",
        "a\n", "\ta", "a=,b",
      ])
    func noDictionaries(value: String) {
      #expect(!Self.isValid(value, as: .dictionary))
    }

    @Test("generated: each octet in a string, a token, a key, a byte sequence, a display string")
    func octets() {
      for octet in UInt8(0)...127 {
        let character = Character(Unicode.Scalar(octet))
        let isLetter = character.isASCII && character.isLetter
        let isDigit = ("0"..."9").contains(character)
        let isVisible = octet >= 0x20 && octet < 0x7F
        // Strings (§3.3.3): a quote or a backslash needs one before it.
        #expect(
          Self.isValid("\" \(character) \"", as: .list) == (isVisible && character != "\"" && character != "\\"),
          "\(octet) in a string")
        #expect(
          Self.isValid("\"\\\(character)\"", as: .list) == (character == "\"" || character == "\\"),
          "\(octet) behind a backslash")
        // Tokens (§3.3.4). White space and commas would end one.
        let isToken = isLetter || isDigit || "!#$%&'*+-.^_`|~:/".contains(character)
        #expect(
          Self.isValid("a\(character)a", as: .list) == (isToken || ",;".contains(character)), "\(octet) in a token")
        #expect(
          Self.isValid("\(character)a", as: .list) == (isLetter || character == "*" || character == " "),
          "\(octet) before a token")
        // Keys (§3.1.2).
        let isKey = (isLetter && character.isLowercase) || isDigit || "_-.*".contains(character)
        #expect(
          Self.isValid("a\(character)a=1", as: .dictionary) == (isKey || ",;".contains(character)), "\(octet) in a key")
        #expect(
          Self.isValid("\(character)a=1", as: .dictionary)
            == ((isLetter && character.isLowercase) || character == "*" || character == " "), "\(octet) before a key")
        #expect(
          Self.isValid("1;a\(character)a", as: .list) == (isKey || ";,".contains(character) || character == "="),
          "\(octet) in a parameter's key")
        // Byte sequences (§3.3.5).
        #expect(
          Self.isValid(":AA\(character)A:", as: .list) == (isLetter || isDigit || "+/".contains(character)),
          "\(octet) in a byte sequence")
        // Display strings (§3.3.8).
        #expect(
          Self.isValid("%\" \(character) \"", as: .list) == (isVisible && character != "\"" && character != "%"),
          "\(octet) in a display string")
        let isHex = isDigit || ("a"..."f").contains(character)
        #expect(Self.isValid("%\"%7\(character)\"", as: .list) == isHex, "\(octet) as a digit")
      }
    }

    @Test("generated: where padding may stand")
    func padding() {
      // All ways to put up to four digits and up to three pads together.
      for length in 0...7 {
        for pattern in 0..<(1 << length) {
          let text = (0..<length).map { pattern >> $0 & 1 == 1 ? "=" : "A" }.joined()
          let digits = text.prefix { $0 == "A" }.count
          let pads = length - digits
          let isAtEnd = !text.dropFirst(digits).contains("A")
          let needed = (4 - digits % 4) % 4
          let isValid = isAtEnd && digits % 4 != 1 && (pads == 0 || pads == needed)
          #expect(Self.isValid(":\(text):", as: .list) == isValid, "\(text)")
        }
      }
    }

    @Test("generated: as many members, parameters and items as RFC 9651 demands")
    func large() {
      let thousand = (0..<1024)
      #expect(Self.isValid(thousand.map { "a\($0)" }.joined(separator: ", "), as: .list))
      #expect(Self.isValid(thousand.map { "a\($0)=1" }.joined(separator: ", "), as: .dictionary))
      #expect(Self.isValid("(\((0..<256).map { "a\($0)" }.joined(separator: " ")))", as: .list))
      #expect(Self.isValid("a" + (0..<256).map { ";a\($0)=1" }.joined(), as: .list))
      #expect(Self.isValid(String(repeating: "a", count: 512), as: .list))
      #expect(Self.isValid("\"\(String(repeating: "=", count: 1024))\"", as: .list))
      #expect(Self.isValid(String(repeating: "a", count: 64) + "=1", as: .dictionary))
      #expect(Self.isValid(":\(String(repeating: "AAAA", count: 5461)):", as: .list))
    }
  }
}
