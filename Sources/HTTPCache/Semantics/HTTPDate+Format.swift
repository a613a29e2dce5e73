//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension HTTPDate {
  /// The length of a date in the preferred format.
  static let length = 29

  /// `time` in the preferred format (IMF-fixdate, RFC 9110 §5.6.7), rounded down to the second.
  static func format(_ time: UnixTime) -> String {
    String(unsafeUninitializedCapacity: length) { buffer in
      write(time, to: UnsafeMutableRawBufferPointer(buffer))
      return length
    }
  }

  /// Writes `time` in the preferred format to the first 29 octets of `buffer`.
  ///
  /// A year before 0 or beyond 9999, which the format cannot express, is written as the nearest one that it can.
  static func write(_ time: UnixTime, to buffer: UnsafeMutableRawBufferPointer) {
    precondition(buffer.count >= length, "an HTTP date takes \(length) octets")
    let seconds = min(max(time.seconds, -62_167_219_200), 253_402_300_799)
    let days = seconds.flooredQuotient(dividingBy: 86400)
    let secondOfDay = Int(seconds - days * 86400)
    let date = CivilDate(daysSinceEpoch: days)
    // 1970-01-01 was a Thursday.
    let weekday = Int((days % 7 + 7 + 4) % 7)
    var position = 0
    func put(_ text: StaticString) {
      for offset in 0..<text.utf8CodeUnitCount { buffer[position + offset] = text.utf8Start[offset] }
      position += text.utf8CodeUnitCount
    }
    func put(_ number: Int, digits: Int) {
      var rest = number
      for offset in stride(from: digits - 1, through: 0, by: -1) {
        buffer[position + offset] = UInt8(ascii: "0") + UInt8(rest % 10)
        rest /= 10
      }
      position += digits
    }
    put(dayNames[weekday])
    put(", ")
    put(date.day, digits: 2)
    put(" ")
    put(monthNames[date.month - 1])
    put(" ")
    put(date.year, digits: 4)
    put(" ")
    put(secondOfDay / 3600, digits: 2)
    put(":")
    put(secondOfDay / 60 % 60, digits: 2)
    put(":")
    put(secondOfDay % 60, digits: 2)
    put(" GMT")
  }
}
