//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The `Date` field line (RFC 9110 §6.6.1), made anew when the second changes.
struct DateLine {
  private var second = Int64.min
  private(set) var bytes = [UInt8](repeating: 0, count: DateLine.length)

  /// `Date: Sun, 06 Nov 1994 08:49:37 GMT` CR LF.
  static let length = 37

  mutating func update(unixSeconds: Int64) {
    guard unixSeconds != second else { return }
    second = unixSeconds
    bytes = Array("Date: \(Self.format(unixSeconds: unixSeconds))\r\n".utf8)
  }

  /// An IMF-fixdate (RFC 9110 §5.6.7).
  static func format(unixSeconds: Int64) -> String {
    let days = unixSeconds >= 0 ? unixSeconds / 86_400 : (unixSeconds - 86_399) / 86_400
    let time = unixSeconds - days * 86_400
    // Days to year, month and day of the proleptic Gregorian calendar, in years that begin in March.
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    let weekday = Int(((days % 7) + 7 + 4) % 7)
    let names = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let clock = "\(twoDigits(time / 3600)):\(twoDigits(time / 60 % 60)):\(twoDigits(time % 60))"
    let digits = String(max(0, year))
    let padded = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    return "\(names[weekday]), \(twoDigits(day)) \(months[Int(month) - 1]) \(padded) \(clock) GMT"
  }

  private static func twoDigits(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
