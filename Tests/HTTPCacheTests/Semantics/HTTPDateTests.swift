//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

extension SemanticsTests {
  @Suite("RFC 9110 §5.6.7: dates")
  struct Dates {
    static func parse(_ text: String, now: UnixTime? = Sample.unix) -> Int64? {
      Sample.withSpan(text) { HTTPDate.parse($0, now: now)?.seconds }
    }

    @Test(arguments: [
      ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
      ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
      ("Sun Nov  6 08:49:37 1994", 784_111_777),
      ("Sun Nov 16 08:49:37 1994", 784_975_777),
      ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
      ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
      ("Thu, 29 Feb 2024 12:00:00 GMT", 1_709_208_000),
      ("Sun, 21 Nov 2286 04:46:39 GMT", 10_000_039_599),
      ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
      ("Sat, 01 Jan 0000 00:00:00 GMT", -62_167_219_200),
      ("Sat, 30 Jun 2012 23:59:60 GMT", 1_341_100_800),
      // A wrong day of the week is the sender's mistake, and changes nothing.
      ("Mon, 06 Nov 1994 08:49:37 GMT", 784_111_777),
      // RFC 9111 §4.2: caches compare without regard to case.
      ("THU, 18 AUG 2050 02:01:18 gmt", 2_544_400_878),
      ("thursday, 18-aug-50 02:01:18 GMT", 2_544_400_878),
    ])
    func isRead(text: String, seconds: Int64) {
      #expect(Self.parse(text) == seconds)
    }

    @Test(arguments: [
      "", "0", "-1", "foo", "Thu, 18 Aug 50 02:01:18 GMT", "Thu 18 Aug 2050 02:01:18 GMT",
      "Thu, 18  Aug  2050 02:01:18 GMT", "Thu, 18-Aug-2050 02:01:18 GMT", "Thu, 18 Aug 2050 02.01.18 GMT",
      "Thu, 18 Aug 2050 2:01:18 GMT", "Thu, 18 Aug 2050 02:01:18", "Thu, 18 Aug 2050 02:01:18 UTC",
      "Thu, 18 Aug 2050 02:01:18 AEST", "Thu, 18 Aug 2050 02:01:18 +0000", "Thu, 18 Aug 2050 02:01 GMT",
      "Thu, 8 Aug 2050 02:01:18 GMT", "Thu, 31 Feb 2050 02:01:18 GMT", "Thu, 00 Aug 2050 02:01:18 GMT",
      "Thu, 18 Foo 2050 02:01:18 GMT", "Foo, 18 Aug 2050 02:01:18 GMT", "Thu, 18 Aug 2050 24:01:18 GMT",
      "Thu, 18 Aug 2050 02:60:18 GMT", "Thu, 18 Aug 2050 02:01:61 GMT", "Thu, 18 Aug 2050 02:01:18 GMT ",
      " Thu, 18 Aug 2050 02:01:18 GMT", "Thu, 18 Aug 2050 02:01:18 GMTX", "Thu, 18 Aug 20500 02:01:18 GMT",
      "Thu,18 Aug 2050 02:01:18 GMT", "Thursday, 18-Aug-2050 02:01:18 GMT", "Thursday, 18 Aug 50 02:01:18 GMT",
      "Thu, 18-Aug-50 02:01:18 GMT", "Sun Nov 6 08:49:37 1994", "Sun Nov 06 08:49:37 94",
      "Sun Nov  6 08:49:37 1994 GMT", "Tue, 29 Feb 2023 12:00:00 GMT", "Thu, -8 Aug 2050 02:01:18 GMT",
      "2050-08-18T02:01:18Z", "Thu, 18 Aug 2050 02:01:18 GMT, Thu, 18 Aug 2050 02:01:18 GMT",
    ])
    func isRefused(text: String) {
      #expect(Self.parse(text) == nil)
    }

    @Test(
      "a year of two digits is not more than 50 years ahead",
      arguments: [
        // From January 2027: 76 is 49 years ahead, 77 in November 50 and more.
        ("Sunday, 06-Nov-76 08:49:37 GMT", 2076), ("Sunday, 06-Nov-77 08:49:37 GMT", 1977),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 1994), ("Sunday, 06-Nov-00 08:49:37 GMT", 2000),
        ("Sunday, 06-Nov-27 08:49:37 GMT", 2027), ("Friday, 01-Jan-77 00:00:00 GMT", 2077),
      ])
    func shortYear(text: String, year: Int) throws {
      let seconds = try #require(Self.parse(text))
      #expect(CivilDate(daysSinceEpoch: seconds.flooredQuotient(dividingBy: 86400)).year == year)
    }

    @Test func shortLeapDayOfTheOtherCentury() {
      // 29-Feb-00 exists in 2000 but would not in 2100.
      let now = UnixTime(seconds: 4_102_444_800)  // 2100
      #expect(Self.parse("Tuesday, 29-Feb-00 00:00:00 GMT", now: now) == 951_782_400)
    }

    @Test func writingAndReadingAreInverse() {
      var generator = SplitMix64(seed: 1)
      for _ in 0..<5_000 {
        let seconds = Int64.random(in: -62_167_219_200...253_402_300_799, using: &generator)
        let text = HTTPDate.format(UnixTime(seconds: seconds))
        #expect(text.utf8.count == HTTPDate.length)
        #expect(Self.parse(text) == seconds)
      }
    }

    @Test(arguments: [
      (Int64.min, "Sat, 01 Jan 0000 00:00:00 GMT"), (Int64.max, "Fri, 31 Dec 9999 23:59:59 GMT"),
      (-1, "Wed, 31 Dec 1969 23:59:59 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
      (1_709_208_000, "Thu, 29 Feb 2024 12:00:00 GMT"),
    ])
    func isWritten(seconds: Int64, text: String) {
      #expect(HTTPDate.format(UnixTime(seconds: seconds)) == text)
    }

    @Test func everyDayOfFourHundredYears() throws {
      var previous = CivilDate(daysSinceEpoch: -200_000)
      for day in -200_000 + 1..<Int64(-50_000) {
        let date = CivilDate(daysSinceEpoch: day)
        #expect(date.daysSinceEpoch == day)
        let isNext =
          (date.day == previous.day + 1 && date.month == previous.month && date.year == previous.year)
          || (date.day == 1
            && (date.month == previous.month + 1 || (date.month == 1 && date.year == previous.year + 1)))
        if !isNext { Issue.record("\(previous) is followed by \(date)") }
        previous = date
      }
    }
  }
}
