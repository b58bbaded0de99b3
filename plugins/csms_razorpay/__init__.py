"""Takes payments through Razorpay."""
