//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Dates as HTTP writes them (RFC 9110 §5.6.7).
enum HTTPDate {
  /// The moment that `value` names, in any of the three formats; nil when it is in none.
  ///
  /// The formats are taken at their word: number of digits, single spaces, commas and hyphens where they belong, `GMT`.
  /// Only the case of letters is free, as RFC 9111 §4.2 asks of caches. A day of the week that is not that date's is
  /// accepted.
  ///
  /// - Parameter now: Which century a year of two digits belongs to: one that would lie more than 50 years ahead is
  ///   past. Without it, 70 to 99 are of the last century.
  static func parse(_ value: Span<UInt8>, now: UnixTime? = nil) -> UnixTime? {
    if let moment = commonFixdate(value) { return moment }
    guard let dayNameEnd = letters(value, from: 0) else { return nil }
    if dayNameEnd == 3, value.count == 24, value[3] == ASCII.space {
      return asctime(value)
    }
    guard dayNameEnd < value.count, value[dayNameEnd] == ASCII.comma else { return nil }
    if dayNameEnd == 3 {
      guard value.count == 29, isDayName(value, 0..<3) else { return nil }
      return fixdate(value)
    }
    guard value.count == dayNameEnd + 24, isLongDayName(value, 0..<dayNameEnd) else { return nil }
    return rfc850(value, from: dayNameEnd + 1, now: now)
  }

  /// `Sun, 06 Nov 1994 08:49:37 GMT`
  private static func fixdate(_ value: Span<UInt8>) -> UnixTime? {
    guard value[4] == ASCII.space, value[7] == ASCII.space, value[11] == ASCII.space, value[16] == ASCII.space,
      let day = digits(value, 5, 2), let month = month(value, 8), let year = digits(value, 12, 4),
      let time = timeOfDay(value, 17), isZone(value, 25)
    else { return nil }
    return moment(year: year, month: month, day: day, secondOfDay: time)
  }

  /// An IMF-fixdate spelled as the grammar has it, letter for letter, as nearly all are; nil for anything else.
  private static func commonFixdate(_ value: Span<UInt8>) -> UnixTime? {
    guard value.count == 29 else { return nil }
    return value.withUnsafeBytes { bytes in
      let word = { (offset: Int) in UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
      // Three letters and what follows them, as a number.
      guard isDayCode(word(0)), bytes[4] == ASCII.space, bytes[7] == ASCII.space, bytes[16] == ASCII.space,
        word(25) == 0x544D_4720, bytes[19] == ASCII.colon, bytes[22] == ASCII.colon,
        let month = month(ofCode: word(8))
      else { return nil }
      var areDigits = true
      func digit(_ offset: Int) -> Int {
        areDigits = areDigits && ASCII.isDigit(bytes[offset])
        return Int(bytes[offset] & 0x0F)
      }
      let day = digit(5) * 10 + digit(6)
      let year = digit(12) * 1000 + digit(13) * 100 + digit(14) * 10 + digit(15)
      let hour = digit(17) * 10 + digit(18)
      let minute = digit(20) * 10 + digit(21)
      let second = digit(23) * 10 + digit(24)
      guard areDigits, hour < 24, minute < 60, second <= 60 else { return nil }
      return moment(
        year: year, month: month, day: day, secondOfDay: hour * 3600 + minute * 60 + second)
    }
  }

  // Names and what follows them as numbers, the first letter lowest.

  /// Whether `code` is the name of a day and a comma.
  @inline(__always)
  private static func isDayCode(_ code: UInt32) -> Bool {
    switch code {
    case 0x2C6E_7553, 0x2C6E_6F4D, 0x2C65_7554, 0x2C64_6557, 0x2C75_6854, 0x2C69_7246, 0x2C74_6153: true
    default: false
    }
  }

  /// The month whose name and a space are `code`.
  @inline(__always)
  private static func month(ofCode code: UInt32) -> Int? {
    switch code {
    case 0x206E_614A: 1
    case 0x2062_6546: 2
    case 0x2072_614D: 3
    case 0x2072_7041: 4
    case 0x2079_614D: 5
    case 0x206E_754A: 6
    case 0x206C_754A: 7
    case 0x2067_7541: 8
    case 0x2070_6553: 9
    case 0x2074_634F: 10
    case 0x2076_6F4E: 11
    case 0x2063_6544: 12
    default: nil
    }
  }

  /// `Sunday, 06-Nov-94 08:49:37 GMT`, from the comma on.
  private static func rfc850(_ value: Span<UInt8>, from start: Int, now: UnixTime?) -> UnixTime? {
    let hyphen = UInt8(ascii: "-")
    guard value[start] == ASCII.space, value[start + 3] == hyphen, value[start + 7] == hyphen,
      value[start + 10] == ASCII.space,
      let day = digits(value, start + 1, 2), let month = month(value, start + 4),
      let shortYear = digits(value, start + 8, 2), let time = timeOfDay(value, start + 11), isZone(value, start + 19)
    else { return nil }
    guard let now else {
      return moment(year: shortYear + (shortYear >= 70 ? 1900 : 2000), month: month, day: day, secondOfDay: time)
    }
    let currentYear = CivilDate(daysSinceEpoch: now.seconds.flooredQuotient(dividingBy: 86400)).year
    let year = currentYear - currentYear % 100 + shortYear
    // Fifty years, the leap days in them not counted exactly: the rule is a guess about the century, not about the day.
    let limit = now.seconds.addingSaturated(50 * 31_556_952)
    guard let candidate = moment(year: year, month: month, day: day, secondOfDay: time) else {
      return moment(year: year - 100, month: month, day: day, secondOfDay: time)
    }
    return candidate.seconds > limit
      ? moment(year: year - 100, month: month, day: day, secondOfDay: time) : candidate
  }

  /// `Sun Nov  6 08:49:37 1994`
  private static func asctime(_ value: Span<UInt8>) -> UnixTime? {
    guard isDayName(value, 0..<3), value[7] == ASCII.space, value[10] == ASCII.space, value[19] == ASCII.space,
      let month = month(value, 4), let time = timeOfDay(value, 11), let year = digits(value, 20, 4),
      let day = value[8] == ASCII.space ? digits(value, 9, 1) : digits(value, 8, 2)
    else { return nil }
    return moment(year: year, month: month, day: day, secondOfDay: time)
  }

  private static func moment(year: Int, month: Int, day: Int, secondOfDay: Int) -> UnixTime? {
    guard let date = CivilDate(year: year, month: month, day: day) else { return nil }
    return UnixTime(seconds: date.daysSinceEpoch * 86400 + Int64(secondOfDay))
  }

  private static func letters(_ value: Span<UInt8>, from start: Int) -> Int? {
    var end = start
    while end < value.count, end < start + 10, ASCII.isLetter(value[end]) { end += 1 }
    return end > start ? end : nil
  }

  private static func digits(_ value: Span<UInt8>, _ start: Int, _ count: Int) -> Int? {
    var number = 0
    for position in start..<start + count {
      guard ASCII.isDigit(value[position]) else { return nil }
      number = number * 10 + Int(value[position] & 0x0F)
    }
    return number
  }

  /// `08:49:37` in seconds. The 60th second of a minute is a leap second (RFC 9110 §5.6.7).
  private static func timeOfDay(_ value: Span<UInt8>, _ start: Int) -> Int? {
    guard value[start + 2] == ASCII.colon, value[start + 5] == ASCII.colon,
      let hour = digits(value, start, 2), let minute = digits(value, start + 3, 2),
      let second = digits(value, start + 6, 2), hour < 24, minute < 60, second <= 60
    else { return nil }
    return hour * 3600 + minute * 60 + second
  }

  private static func isZone(_ value: Span<UInt8>, _ start: Int) -> Bool {
    value[start] == ASCII.space && FieldSyntax.matches(value, start + 1..<start + 4, "GMT")
  }

  private static func month(_ value: Span<UInt8>, _ start: Int) -> Int? {
    for month in 0..<12 where FieldSyntax.matches(value, start..<start + 3, monthNames[month]) { return month + 1 }
    return nil
  }

  private static func isDayName(_ value: Span<UInt8>, _ range: Range<Int>) -> Bool {
    dayNames.contains { FieldSyntax.matches(value, range, $0) }
  }

  private static func isLongDayName(_ value: Span<UInt8>, _ range: Range<Int>) -> Bool {
    longDayNames.contains { FieldSyntax.matches(value, range, $0) }
  }

  static let monthNames: [StaticString] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]
  static let dayNames: [StaticString] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  private static let longDayNames: [StaticString] = [
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
  ]
}
